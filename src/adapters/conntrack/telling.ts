import type { ActivityReading } from '../../actors/contracts/activity.ts';
import type { Clock } from '../../actors/contracts/clock.ts';

/** Guests told of in one turn of the daemon: each of them may be a transition of its chart. */
export const TOLD_AT_ONCE_MAX = 64;

type Tell = (watch: number, reading: ActivityReading) => void;

/**
 * Readings on their way to those who watch: the first at once, and when there are many the rest turn by turn, so that a
 * loss that concerns every guest of the host keeps the daemon from nothing else. Of what waits only the newest is told,
 * but a loss is told to everybody, also when it is over by then: whoever was idle before it is not known to be since. So is
 * one who came and went meanwhile, by a reading from before that: a guest that is watched anew has its idle time from its
 * record until it hears of somebody.
 */
export class Telling {
  readonly #clock: Clock;
  readonly #tell: Tell;
  readonly #waiting = new Map<number, readonly ActivityReading[]>();
  #left = TOLD_AT_ONCE_MAX;
  #turning = false;

  constructor(clock: Clock, tell: Tell) {
    this.#clock = clock;
    this.#tell = tell;
  }

  put(watch: number, reading: ActivityReading): void {
    this.#waiting.set(watch, withNewest(this.#waiting.get(watch) ?? [], reading));
    this.#tellSome();
  }

  delete(watch: number): void {
    this.#waiting.delete(watch);
  }

  #tellSome(): void {
    for (const [watch, readings] of this.#waiting) {
      if (this.#left === 0) break;
      this.#left -= 1;
      this.#waiting.delete(watch);
      for (const reading of readings) this.#tell(watch, reading);
    }
    if (!this.#turning) void this.#turn();
  }

  async #turn(): Promise<void> {
    this.#turning = true;
    await this.#clock.turn();
    this.#turning = false;
    this.#left = TOLD_AT_ONCE_MAX;
    if (this.#waiting.size > 0) this.#tellSome();
  }
}

/** At most three: a loss, one of somebody who is gone since, and the newest. */
function withNewest(waiting: readonly ActivityReading[], newest: ActivityReading): readonly ActivityReading[] {
  if (newest.observer === 'lost') return [newest];
  const loss = waiting.filter(({ observer }) => observer === 'lost');
  const before = waiting.find((one) => isGoneSince(one, newest));
  return before === undefined ? [...loss, newest] : [...loss, before, newest];
}

/** Somebody was there, or nobody for longer than it is now. */
function isGoneSince(one: ActivityReading, newest: ActivityReading): boolean {
  if (one.observer === 'lost' || newest.observer === 'lost' || newest.connections > 0) return false;
  return one.connections > 0 || one.since < newest.since;
}
