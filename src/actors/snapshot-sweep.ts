import { copiedFrom, snapshotsNamedIn } from '../../machines/snapshot-names.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import type { Clock } from './contracts/clock.ts';
import type { Hypervisor, SnapshotListing } from './contracts/hypervisor.ts';
import type { ActorWorld, InstanceActor } from './instance-actor.ts';
import type { Residents } from './residents.ts';

/**
 * Snapshots that no record names: a daemon that ended between the record by which one goes and its removal has left it, or
 * one that was made and given up. After a start each is removed, between two effects of its instance, so that none is made,
 * copied or restored meanwhile. Whatever a record names stays, and so does everything of an instance whose record does not
 * tell, or cannot be read.
 */

/** Instances looked at side by side: nobody waits for it. */
const SWEPT_TOGETHER = 4;
/** A hypervisor that has not answered so many times is not asked about the others: the next start does that. */
const FAILURES_MAX = 8;
/** A look and a removal that are not over by then are waited for no longer; the effects of its instance go on. */
export const SWEEP_MAX_MS = 30_000;

export interface SweepOptions extends Pick<ActorWorld, 'closing' | 'report'> {
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  readonly residents: Residents;
}

/** `waiting`: what is under way on this host, forks among it. Resolves when every instance has been looked at. */
export async function sweepSnapshots(waiting: readonly InstanceActor[], options: SweepOptions): Promise<void> {
  if (!options.hypervisor.snapshots) return;
  const copied = new Set<string>();
  for (const { head } of waiting) {
    const from = copiedFrom(head.snapshot);
    if (from !== null) copied.add(keyOf(from.instance, from.snapshot));
  }
  const ids = [...options.residents.known].values();
  let failures = 0;
  const noteFailure = (instance: string, error: unknown): void => {
    failures += 1;
    if (!options.closing()) options.report({ instance, message: 'Its snapshots were not looked through.', error });
  };
  const worker = async (): Promise<void> => {
    for (const id of ids) {
      if (options.closing() || failures >= FAILURES_MAX) return;
      await sweepInstance(id, copied, options).catch((error: unknown) => noteFailure(id, error));
    }
  };
  await Promise.all(Array.from({ length: SWEPT_TOGETHER }, worker));
}

const keyOf = (instance: string, snapshot: string): string => `${instance}/${snapshot}`;

async function sweepInstance(id: string, copied: ReadonlySet<string>, options: SweepOptions): Promise<void> {
  const { hypervisor, residents } = options;
  const unnamed = (listed: readonly SnapshotListing[], head: ChartSnapshot): string[] => {
    const named = snapshotsNamedIn(head);
    if (named === null) return [];
    return listed.flatMap(({ snapshot }) => (named.has(snapshot) || copied.has(keyOf(id, snapshot)) ? [] : [snapshot]));
  };
  if (residents.unreadable.has(id)) return;
  const listed = await hypervisor.listSnapshots(id);
  // Of nearly all there is nothing to remove, and nobody is read back from the log for more than a look.
  if (listed.length === 0 || unnamed(listed, await residents.look(id)).length === 0) return;
  const actor = await residents.load(id);
  await actor.betweenEffects(() =>
    inTime(options, async (isOver) => {
      // What is recorded from here on is carried out after this.
      const present = await hypervisor.listSnapshots(id);
      await removeAll(id, unnamed(present, actor.head.snapshot), isOver, options);
    }),
  );
  residents.noteIdle(actor);
}

/** Effects go on when the time is up: from then on nothing may be removed, as what was unnamed may have a name by then. */
async function inTime({ clock, closing }: SweepOptions, act: (isOver: () => boolean) => Promise<void>): Promise<void> {
  const over = new AbortController();
  const late = clock.sleep(SWEEP_MAX_MS, over.signal).then((isLate) => {
    if (isLate) throw new Error(`The hypervisor took more than ${SWEEP_MAX_MS} ms.`);
  });
  try {
    await Promise.race([act(() => closing() || over.signal.aborted), late]);
  } finally {
    over.abort();
  }
}

async function removeAll(
  id: string,
  names: readonly string[],
  isOver: () => boolean,
  { hypervisor, report }: SweepOptions,
): Promise<void> {
  for (const snapshot of names) {
    if (isOver()) return;
    const outcome = await hypervisor.dropSnapshot(id, { snapshot });
    if (outcome.outcome !== 'done') throw new Error(`Snapshot ${snapshot} could not be removed.`);
    report({ instance: id, message: `Snapshot ${snapshot}, which no record names any more, was removed.` });
  }
}
