import { FORKED_SNAPSHOT, standbySnapshot } from './effects.ts';
import { stateOf } from './public-states.ts';
import { revertedName } from './snapshot-actions.ts';
import type { ChartSnapshot } from './step.ts';

/** Where the memory of a guest goes under a name that stands in the record only once it is there. */
const GOING_TO_SLEEP: readonly string[] = ['pausing', 'snapshotting', 'sealing'];
const TAKING_ITS_COPY: readonly string[] = ['preparing', 'forking'];

/** Nobody can say what of it is still needed, or all of it goes anyway. */
const NOT_TOLD: readonly string[] = ['absent', 'lost', 'quarantined', 'deleting', 'deleted'];

/**
 * The snapshots that an instance has, makes, copies or sleeps in, as its newest record says: any other of its own is what an
 * operation left that was cut short. Null where that cannot be told.
 */
export function snapshotsNamedIn({
  value,
  context,
}: Pick<ChartSnapshot, 'value' | 'context'>): ReadonlySet<string> | null {
  const lifecycle = stateOf(value, 'lifecycle');
  if (NOT_TOLD.includes(lifecycle)) return null;
  const { snapshot, snapshots, snapshot_work: work, run } = context;
  const names = new Set(snapshots.map(({ name }) => name));
  if (snapshot !== null) names.add(snapshot.name);
  if (work !== null) names.add(work.name);
  if (work?.then != null) names.add(revertedName(context));
  if (GOING_TO_SLEEP.includes(lifecycle)) names.add(standbySnapshot(run.number));
  if (TAKING_ITS_COPY.includes(lifecycle)) names.add(FORKED_SNAPSHOT);
  return names;
}

/** The snapshot of another instance that this one has still to take its copy of; null when there is none. */
export function copiedFrom({
  value,
  context,
}: Pick<ChartSnapshot, 'value' | 'context'>): { readonly instance: string; readonly snapshot: string } | null {
  const { origin } = context;
  if (origin === null || origin.snapshot === null || !TAKING_ITS_COPY.includes(stateOf(value, 'lifecycle')))
    return null;
  return { instance: origin.instance, snapshot: origin.snapshot };
}
