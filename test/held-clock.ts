import { sleepOn, systemClock } from '../src/actors/clock.ts';
import type { Clock } from '../src/actors/contracts/clock.ts';

/** The machine's own clock, but for waits of one length: those end when a test lets them, however fast the machine is. */
export interface HeldClock {
  readonly clock: Clock;
  /** Ends the waits of that length that are under way. */
  letGo(): void;
}

export function heldClock(heldMs: number): HeldClock {
  const real = systemClock();
  const waiting = new Set<() => void>();
  const clock: Clock = {
    ...real,
    after: (delayMs, callback) => {
      if (delayMs !== heldMs) return real.after(delayMs, callback);
      waiting.add(callback);
      return () => waiting.delete(callback);
    },
    sleep: (delayMs, signal) => sleepOn(clock, delayMs, signal),
  };
  return {
    clock,
    letGo: () => {
      const ending = [...waiting];
      waiting.clear();
      for (const end of ending) end();
    },
  };
}
