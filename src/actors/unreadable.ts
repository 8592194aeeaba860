import { INITIAL_CONTEXT } from '../../machines/context.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { parseRecord } from './contracts/instance-entry.ts';
import { CHART } from './records.ts';

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
        value: { ...(value as object), lifecycle: 'quarantined' } as typeof value,
        // Of an older chart, parts may be missing that readers look for.
        context: { ...unknown, ...context, trouble: { message, tries: 0 } },
      },
    };
  } catch {
    return null;
  }
}
