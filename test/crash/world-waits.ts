import { systemClock } from '../../src/actors/clock.ts';
import { EVERY_INSTANCE, type SimulatorControl } from '../../src/adapters/simulator/control.ts';

/**
 * When the process of the simulated world heard nobody: a busy machine gives it no processor, or its disk takes no line of
 * the journal. What it was asked for before may then be done long after, and nobody is to blame.
 */

/** From a question to its answer, epoch ms. */
export interface Wait {
  readonly from: number;
  readonly to: number;
}

export interface WorldWaits {
  /** Those that were long. */
  readonly waits: readonly Wait[];
  /** Asks no more; resolves once what is under way is answered. */
  stop(): Promise<void>;
}

const ASK_EVERY_MS = 50;
/** Shorter ones are no wait. */
const LONG_MS = 50;

/** Asks the world again and again, by a way that is not the daemon's. */
export function noteWaits(world: Pick<SimulatorControl, 'state'>): WorldWaits {
  const clock = systemClock();
  const waits: Wait[] = [];
  const over = new AbortController();
  const asking = (async () => {
    while (!over.signal.aborted) {
      const from = clock.now();
      // A world that is dead is seen by the checker.
      await world.state(EVERY_INSTANCE).catch(() => {});
      const to = clock.now();
      if (to - from >= LONG_MS) waits.push({ from, to });
      await clock.sleep(ASK_EVERY_MS, over.signal);
    }
  })();
  return {
    waits,
    stop: () => {
      over.abort();
      return asking;
    },
  };
}
