import type { Clock } from '../../actors/contracts/clock.ts';
import { StatevisorError } from '../../actors/errors.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import type { InstanceReads } from '../../projections/instances.ts';

/** Callers that may wait for the outcome of a command; the next ones are answered at once, as if their time were over. */
export const OUTCOME_WAITERS_MAX = 512;
/** For a state; the next ones are refused. */
export const STATE_WAITERS_MAX = 512;
/** For a position that a read asks for; the next ones are refused. */
export const POSITION_WAITERS_MAX = 256;
/**
 * At one time, whichever door they came through: those who only look take no place of those who want to know what became
 * of their command. Every door takes more requests than all of these together.
 */
export const WAITERS_MAX = {
  outcome: OUTCOME_WAITERS_MAX,
  state: STATE_WAITERS_MAX,
  position: POSITION_WAITERS_MAX,
} as const;
type WaitingFor = keyof typeof WAITERS_MAX;

/** How an instance looks right now; `deleted` views are the last there will be. */
export interface Sight {
  readonly view: InstanceView;
  readonly deleted: boolean;
}

export interface Waiting {
  /**
   * What `judge` first makes of the sights of an instance from now on, the present one included; null when it made
   * nothing of them within `limitMs`, when the signal fired, or when too many wait already. Nothing is polled.
   */
  outcome<T>(id: string, limitMs: number, judge: Judge<T>, signal?: AbortSignal): Promise<T | null>;
  /** The same for whoever has commanded nothing; refuses as `busy` when too many wait already. */
  state<T>(id: string, limitMs: number, judge: Judge<T>, signal?: AbortSignal): Promise<T | null>;
  /** True once the read model has taken in that position; false when it has not within `limitMs`. */
  position(position: string, limitMs: number, signal?: AbortSignal): Promise<boolean>;
}

export function createWaiting(instances: InstanceReads, clock: Clock): Waiting {
  const waiters: Record<WaitingFor, number> = { outcome: 0, state: 0, position: 0 };
  const isFull = (what: WaitingFor): boolean => waiters[what] >= WAITERS_MAX[what];

  /** `look` is asked at every change and answers null as long as there is nothing to tell. */
  function until<T>(what: WaitingFor, limitMs: number, look: Look<T>, signal?: AbortSignal): Promise<T | null> {
    if (isFull(what) || signal?.aborted === true || limitMs <= 0) return Promise.resolve(null);
    waiters[what] += 1;
    return new Promise((resolve) => {
      const end = (answer: T | null): void => {
        waiters[what] -= 1;
        stopWatching();
        cancelTimer();
        signal?.removeEventListener('abort', onAbort);
        resolve(answer);
      };
      const onAbort = (): void => end(null);
      const stopWatching = instances.watch((change) => {
        const answer = look(change.record.stream, change);
        if (answer !== null) end(answer);
      });
      const cancelTimer = clock.after(limitMs, () => end(null));
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  function now<T>(id: string, judge: Judge<T>): T | null {
    const view = instances.get(id);
    return view === undefined ? null : judge({ view, deleted: false });
  }
  const ofInstance =
    <T>(id: string, judge: Judge<T>): Look<T> =>
    (stream, sight) =>
      stream === id ? judge(sight) : null;

  return {
    async outcome(id, limitMs, judge, signal) {
      return now(id, judge) ?? until('outcome', limitMs, ofInstance(id, judge), signal);
    },
    async state(id, limitMs, judge, signal) {
      const already = now(id, judge);
      if (already === null && isFull('state')) throw new StatevisorError('busy', 'Too many wait for a state already.');
      return already ?? until('state', limitMs, ofInstance(id, judge), signal);
    },
    async position(position, limitMs, signal) {
      const reached = (): true | null => (instances.position() >= position ? true : null);
      return reached() ?? (await until('position', limitMs, reached, signal)) ?? false;
    },
  };
}

type Judge<T> = (sight: Sight) => T | null;
type Look<T> = (stream: string, sight: Sight) => T | null;
