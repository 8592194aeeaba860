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

export function nextRecord(
  head: Head,
  result: Step,
  made: { id: string; event: ExternalEvent; cause: Cause },
): InstanceRecord {
  const version = head.version + 1;
  const fired = made.event.type;
  const pending = head.timers.filter((timer) => timer.name !== fired);
  const cancelled = result.cancelled.filter((name) => pending.some((timer) => timer.name === name));
  const definition = result.next.context.definition;
  const changed = definition !== head.snapshot.context.definition && definition !== null;
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
    ...(changed ? { definition } : {}),
    definition_at: changed ? version : head.definitionAt,
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
