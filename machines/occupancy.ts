import type { ChartContext } from './context.ts';
import { awaitsFirstRun, phaseOf, stateOf } from './public-states.ts';
import type { ChartSnapshot } from './step.ts';

/** What an instance takes of its host. */
export interface Demand {
  readonly memory_bytes: number;
  readonly vcpus: number;
  /** Room for the memory of a guest, in which it runs or sleeps, and for its named snapshots. */
  readonly disk_bytes: number;
}

export const NO_DEMAND: Demand = { memory_bytes: 0, vcpus: 0, disk_bytes: 0 };

/** What a run of this instance needs; its memory may have to go to disk one day. */
export function demandOf({ definition }: Pick<ChartContext, 'definition'>): Demand {
  if (definition === null) return NO_DEMAND;
  const { memory_bytes, vcpus } = definition;
  return { memory_bytes, vcpus, disk_bytes: memory_bytes };
}

/**
 * It has a run that is not known to have ended, or gets its first one as soon as it is prepared, or the next one once a
 * named snapshot is back.
 */
export function hasOrAwaitsRun({ value, context }: Pick<ChartSnapshot, 'value' | 'context'>): boolean {
  if (!context.run.ended) return true;
  if (context.intent.wanted !== 'running') return false;
  const phase = phaseOf(value);
  return awaitsFirstRun(phase) || (phase === 'reverting' && context.snapshot_work?.then === 'running');
}

/** A sleeper needs its snapshot and nothing else; one at rest needs nothing that is counted. */
export function occupancyOf(snapshot: Pick<ChartSnapshot, 'value' | 'context'>): Demand {
  const demand = demandOf(snapshot.context);
  if (hasOrAwaitsRun(snapshot)) return demand;
  return snapshot.context.snapshot === null ? NO_DEMAND : { ...NO_DEMAND, disk_bytes: demand.disk_bytes };
}

/**
 * What its named snapshots take, and the copy that is being made: each holds the whole memory of the guest. It stands
 * beside the room of its run or its sleep, which is the copy's own where a guest without either is to run from it.
 */
export function savedRoomOf(snapshot: Pick<ChartSnapshot, 'value' | 'context'>): Demand {
  const { value, context } = snapshot;
  const takesOver = context.snapshot === null && hasOrAwaitsRun(snapshot);
  const copies = stateOf(value, 'lifecycle') === 'forking' || context.snapshot_work?.then != null;
  const captures = context.snapshot_work !== null && context.snapshot_work.then === null;
  const more = captures || (copies && !takesOver) ? 1 : 0;
  return { ...NO_DEMAND, disk_bytes: (context.snapshots.length + more) * demandOf(context).disk_bytes };
}

const WRITTEN_TO_DISK: readonly string[] = ['quiescing', 'pausing', 'snapshotting', 'sealing', 'capturing'];
const TURN_TAKEN: readonly string[] = ['confirming', 'requested'];

/**
 * It is being put away or saved, or the host has given it its turn to be put away: so many of a host are at once, and others
 * wait.
 */
export function holdsStandbySlot({ value, context }: Pick<ChartSnapshot, 'value' | 'context'>): boolean {
  const lifecycle = stateOf(value, 'lifecycle');
  if (lifecycle === 'running') return TURN_TAKEN.includes(stateOf(value, 'standby'));
  if (WRITTEN_TO_DISK.includes(lifecycle)) return true;
  if (lifecycle === 'standby') return context.snapshot_work !== null;
  return lifecycle === 'stopping' && context.stop?.cause === 'standby';
}

/**
 * It comes back after a reboot of the host, one of many: only so many do at once. A boot that somebody looks into may last for
 * ever, and the others do not wait for it.
 */
export function holdsBootSlot({ value, context }: Pick<ChartSnapshot, 'value' | 'context'>): boolean {
  const isBack = stateOf(value, 'lifecycle') === 'booting' && context.run.cause === 'host_reboot';
  return isBack && context.intent.wanted !== 'ignore';
}
