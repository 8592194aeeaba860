import type { Clock } from '../../actors/contracts/clock.ts';
import type { StoragePort } from './placement.ts';

/** Between two sweeps: appends, which come first, have the disk for themselves. */
export const SWEEP_PAUSE_MS = 25;
/** After a sweep that could not be made, most likely because the disk is full. */
export const SWEEP_RETRY_MS = 60_000;

export interface Sweeper {
  /** There is, or may be, something to sweep. */
  readonly start: () => void;
  readonly stop: () => void;
}

/** Gives the room of trimmed entries back, little by little, until none is left. */
export function createSweeper(port: StoragePort, clock: Clock): Sweeper {
  const stopped = new AbortController();
  let running = false;
  const sweepAll = async (): Promise<void> => {
    for (;;) {
      const reply = await port.request({ kind: 'sweep' });
      if (reply.kind === 'swept' && reply.left === 0) return;
      const pauseMs = reply.kind === 'swept' ? SWEEP_PAUSE_MS : SWEEP_RETRY_MS;
      if (!(await clock.sleep(pauseMs, stopped.signal))) return;
    }
  };
  return {
    start: () => {
      if (running || stopped.signal.aborted) return;
      running = true;
      void sweepAll().finally(() => {
        running = false;
      });
    },
    stop: () => stopped.abort(),
  };
}
