import { hash } from 'node:crypto';
import { CHART_VERSION, instanceChart } from '../../machines/chart.ts';
import type { ExternalEvent } from '../../machines/events.ts';
import type { Cause, InstanceRecord, PendingTimer } from '../../machines/record.ts';
import { type ChartSnapshot, type Step, toStateData } from '../../machines/step.ts';
import { parseRecord } from './contracts/instance-entry.ts';
import type { Log } from './contracts/log.ts';

/** Hex characters of the chart's digest: enough to tell charts apart, short enough to stand in every record. */
const DIGEST_LENGTH = 16;

/** Names the chart that made a record: its version and a digest of its states and transitions. */
export const CHART = {
  version: CHART_VERSION,
  digest: hash('sha256', JSON.stringify(instanceChart.definition), 'hex').slice(0, DIGEST_LENGTH),
};

/** What one instance stands on between two records. */
export interface Head {
  readonly stream: string;
  readonly version: number;
  readonly at: number;
  readonly snapshot: ChartSnapshot;
  readonly timers: readonly PendingTimer[];
  readonly definitionAt: number;
}

/**
 * A record holds the definition again when the last one that does lies so many versions behind. Retention removes what
 * comes before such a record, so this bounds how much it has to leave; a definition is half as long as a record, so it
 * costs next to nothing.
 */
export const DEFINITION_RESTATED_EVERY = 64;

/** Whether the next record is one to hold the definition whether or not it changes: now and then, and at the very end. */
export function isRestatementDue(head: Head, result: Step): boolean {
  if (head.version + 1 - head.definitionAt >= DEFINITION_RESTATED_EVERY) return true;
  return result.facts.some((fact) => fact.type === 'instance.deleted');
}

export function nextRecord(
  head: Head,
  result: Step,
  made: { id: string; event: ExternalEvent; cause: Cause; restate?: boolean },
): InstanceRecord {
  const version = head.version + 1;
  const fired = made.event.type;
  const pending = head.timers.filter((timer) => timer.name !== fired);
  const cancelled = result.cancelled.filter((name) => pending.some((timer) => timer.name === name));
  const definition = result.next.context.definition;
  const changed = definition !== head.snapshot.context.definition;
  const holds = definition !== null && (changed || made.restate === true);
  return {
    id: made.id,
    stream: head.stream,
    version,
    at: made.event.at,
    event: made.event,
    facts: result.facts,
    effects: result.effects,
    timers: { armed: result.armed, cancelled },
    state: { ...toStateData(result.next), timers: pendingAfter(pending, result, version) },
    ...(holds ? { definition } : {}),
    definition_at: holds ? version : head.definitionAt,
    chart: CHART,
    cause: made.cause,
  };
}

function pendingAfter(before: readonly PendingTimer[], result: Step, version: number): PendingTimer[] {
  const gone = new Set<string>([...result.cancelled, ...result.armed.map((timer) => timer.name)]);
  const kept = before.filter((timer) => !gone.has(timer.name));
  return [...kept, ...result.armed.map((timer) => ({ ...timer, armed: version }))];
}

export function headAfter(record: InstanceRecord, snapshot: ChartSnapshot): Head {
  return {
    stream: record.stream,
    version: record.version,
    at: record.at,
    snapshot,
    timers: record.state.timers,
    definitionAt: record.definition_at,
  };
}

/** Records of one stream from `fromVersion` on, at most `limit`. */
export async function readRecords(
  log: Log,
  stream: string,
  { fromVersion, limit }: { fromVersion: number; limit: number },
): Promise<InstanceRecord[]> {
  const records: InstanceRecord[] = [];
  for await (const entry of log.read(stream, fromVersion, limit)) {
    records.push(parseRecord(entry.bytes));
    if (records.length >= limit) break;
  }
  return records;
}

/** The piece of a record's text that a start needs beside the stream's head; none in a record that names another one. */
export function landmarkOf({ definition }: InstanceRecord): string | undefined {
  return definition === undefined ? undefined : JSON.stringify(definition);
}
