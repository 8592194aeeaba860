import type { ObserverStatus } from '../../actors/contracts/activity.ts';

const COUNTS = ['events', 'losses', 'garbage', 'resyncs', 'dumps'] as const;

/** Of an observer that has not read anything. */
export function unreadStatus(state: ObserverStatus['state'], error: string | null): ObserverStatus {
  const nothing = { entries: 0, events: 0, losses: 0, garbage: 0, resyncs: 0, dumps: 0 };
  return { mode: 'netlink', state, error, ...nothing, last_dump_ms: null, last_dump_at: null };
}

/** The newer one, with what an observer before it had counted. */
export function countedOn(before: ObserverStatus, now: ObserverStatus): ObserverStatus {
  const sums = COUNTS.map((count) => [count, before[count] + now[count]] as const);
  return { ...now, ...Object.fromEntries(sums) };
}
