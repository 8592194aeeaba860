import { z } from 'zod';
import { INITIAL_CONTEXT } from '../../machines/context.ts';
import { type Definition, definitionSchema } from '../../machines/definition.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { EMPTY_SNAPSHOT } from '../../machines/step.ts';
import { parseRecord } from './contracts/instance-entry.ts';
import type { Log, LogHead } from './contracts/log.ts';
import { CHART, DEFINITION_RESTATED_EVERY } from './records.ts';

/** What the runtime does with a head that it cannot go on from: refuse the whole log, or set one instance aside. */

/** The log was written by a newer chart. Going on would lose what it knows, so nothing of this log is touched. */
export class NewerChartError extends Error {
  override readonly name = 'NewerChartError';
  readonly code = 'log_from_newer_version';

  constructor(stream: string, version: number) {
    super(
      `Instance ${stream} was written by chart version ${version}; this daemon knows versions up to ${CHART.version}.`,
    );
  }
}

export function refuseNewerChart({ stream, chart }: InstanceRecord): void {
  if (chart.version > CHART.version) throw new NewerChartError(stream, chart.version);
}

/**
 * The record as views should show it: quarantined, with the reason. Nothing of it is written. Null when the text is no
 * record at all.
 */
export function asQuarantined(bytes: string, error: unknown): InstanceRecord | null {
  try {
    const record = parseRecord(bytes);
    const { value, context } = record.state;
    const { definition: _named, ...unknown } = INITIAL_CONTEXT;
    const message = error instanceof Error ? error.message : String(error);
    return {
      ...record,
      state: {
        ...record.state,
        // Parts may be missing that readers look for.
        value: { ...(EMPTY_SNAPSHOT.value as object), ...(value as object), lifecycle: 'quarantined' } as typeof value,
        context: { ...unknown, ...context, trouble: { message, tries: 0 } },
      },
    };
  } catch {
    return null;
  }
}

/** What of a definition names something of the host. The rest of it need not be understood. */
const { name, vcpus, memory_bytes, network } = definitionSchema.shape;
const holdings = z.looseObject({ name, vcpus, memory_bytes, network });

/**
 * The definition that an instance with such a head stands under, wherever the log still has it: whatever it holds of the
 * host stays held. Null when it is nowhere. Throws what the log throws.
 */
export async function definitionBehind(
  log: Log,
  { stream, version, bytes, landmark }: LogHead,
): Promise<Definition | null> {
  const record = asObject(bytes);
  const atHand = asDefinition(record?.definition) ?? asDefinition(asObject(landmark?.text ?? ''));
  if (atHand !== null) return atHand;
  const named = record?.definition_at;
  const inNamed = typeof named === 'number' && named > 0 ? await newestFrom(log, stream, named, 1) : null;
  const recent = Math.max(1, version - DEFINITION_RESTATED_EVERY);
  return inNamed ?? (await newestFrom(log, stream, recent, DEFINITION_RESTATED_EVERY));
}

/** In at most `limit` records. */
async function newestFrom(log: Log, stream: string, version: number, limit: number): Promise<Definition | null> {
  let newest: Definition | null = null;
  let read = 0;
  for await (const { bytes } of log.read(stream, version, limit)) {
    newest = asDefinition(asObject(bytes)?.definition) ?? newest;
    read += 1;
    if (read === limit) break;
  }
  return newest;
}

function asObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}

function asDefinition(value: unknown): Definition | null {
  return holdings.safeParse(value).success ? (value as Definition) : null;
}
