import type { Clock } from '../../actors/contracts/clock.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import type { InstanceReads } from '../../projections/instances.ts';

/** Callers that may wait at one time; the next ones are answered at once. */
export const WAITERS_MAX = 1_024;

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
  instance<T>(id: string, limitMs: number, judge: (sight: Sight) => T | null, signal?: AbortSignal): Promise<T | null>;
  /** True once the read model has taken in that position; false when it has not within `limitMs`. */
  position(position: string, limitMs: number, signal?: AbortSignal): Promise<boolean>;
}

export function createWaiting(instances: InstanceReads, clock: Clock): Waiting {
  let waiters = 0;

  /** `look` is asked at every change and answers undefined as long as there is nothing to tell. */
  function until<T>(limitMs: number, look: Look<T>, signal?: AbortSignal): Promise<T | null> {
    if (waiters >= WAITERS_MAX || signal?.aborted === true || limitMs <= 0) return Promise.resolve(null);
    waiters += 1;
    return new Promise((resolve) => {
      const end = (answer: T | null): void => {
        waiters -= 1;
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

  return {
    async instance(id, limitMs, judge, signal) {
      const view = instances.get(id);
      const already = view === undefined ? null : judge({ view, deleted: false });
      if (already !== null) return already;
      return until(limitMs, (stream, sight) => (stream === id ? judge(sight) : null), signal);
    },
    async position(position, limitMs, signal) {
      const reached = (): true | null => (instances.position() >= position ? true : null);
      return reached() ?? (await until(limitMs, reached, signal)) ?? false;
    },
  };
}

type Look<T> = (stream: string, sight: Sight) => T | null;
