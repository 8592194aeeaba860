import type { Clock } from '../../actors/contracts/clock.ts';
import type { Observation, Reality, RunRef } from '../../actors/contracts/hypervisor.ts';

interface ObservedRun {
  readonly ref: RunRef;
  ready: boolean;
  /** What came before the boot was answered; told after it. Null once it is answered. */
  held: Observation[] | null;
}

/** Which runs this hypervisor observes, so that each end is told once and nothing of other runs is told. */
export interface ObservedRuns {
  /** A boot of this run begins. Answers what to call when it is settled: with whether the run is to be observed. */
  begin(ref: RunRef): (observed: boolean) => void;
  /** Observes a run that is alive as `reality` says. Idempotent. */
  add(ref: RunRef, reality: Reality): void;
  all(): readonly RunRef[];
  has(ref: RunRef): boolean;
  receive(observation: Observation): void;
  /** Tells what must have happened while nobody could observe. */
  catchUp(ref: RunRef, reality: Reality, now: number): void;
  clear(): void;
}

const keyOf = (ref: RunRef): string => `${ref.instance}/${ref.run}`;

export function observedRuns(clock: Clock, tell: (observation: Observation) => void): ObservedRuns {
  const observed = new Map<string, ObservedRun>();

  const receive = (observation: Observation): void => {
    const key = keyOf(observation);
    const entry = observed.get(key);
    if (entry === undefined) return;
    if (entry.held !== null) {
      entry.held.push(observation);
      return;
    }
    if (observation.type === 'vmm.exited') observed.delete(key);
    if (observation.type === 'guest.ready') entry.ready = true;
    tell(observation);
  };

  const release = (entry: ObservedRun): void => {
    const held = entry.held ?? [];
    entry.held = null;
    for (const observation of held) receive(observation);
  };

  return {
    begin(ref) {
      const key = keyOf(ref);
      if (observed.has(key)) return () => {};
      const entry: ObservedRun = { ref: { ...ref }, ready: false, held: [] };
      observed.set(key, entry);
      return (keep) => {
        if (observed.get(key) !== entry) return;
        if (!keep) observed.delete(key);
        else if (entry.held?.length === 0) entry.held = null;
        // The caller learns of its boot before anyone learns what followed it.
        else
          clock.turn().then(
            () => release(entry),
            () => {},
          );
      };
    },
    add(ref, reality) {
      if (reality.reality !== 'running' && reality.reality !== 'paused') return;
      const key = keyOf(ref);
      if (observed.has(key)) return;
      const ready = reality.reality === 'running' && reality.ready;
      observed.set(key, { ref: { ...ref }, ready, held: null });
    },
    all: () => [...observed.values()].filter(({ held }) => held === null).map(({ ref }) => ref),
    has: (ref) => observed.has(keyOf(ref)),
    receive,
    catchUp(ref, reality, now) {
      const entry = observed.get(keyOf(ref));
      if (entry === undefined) return;
      const { instance, run } = ref;
      if (reality.reality === 'ended') {
        const { reason, code, message, ended_at } = reality;
        receive({ type: 'vmm.exited', instance, run, reason, code, message, ended_at });
      } else if (reality.reality === 'running' && reality.ready && !entry.ready) {
        receive({ type: 'guest.ready', instance, run, occurred_at: now });
      }
    },
    clear: () => observed.clear(),
  };
}
