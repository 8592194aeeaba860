import type { Clock } from '../contracts/clock.ts';

/**
 * Notices that this process did not run for a while: its host was suspended, the process was stopped, or something kept
 * it busy. What a guest failed to do meanwhile says nothing about the guest.
 */

/** Coming this much too late to a timer, or a jump of the wall clock this far ahead, is a stall. */
export const STALL_MIN_MS = 500;

export class StallWatch {
  readonly #clock: Clock;
  #expectedAt = Number.POSITIVE_INFINITY;
  #wallMinusMonotonic: number;
  #lastEndedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wallMinusMonotonic = clock.now() - clock.monotonic();
  }

  /** The process is to be awake again at this monotonic instant. */
  expect(at: number): void {
    this.#expectedAt = at;
  }

  /** Called whenever the process finds itself awake; answers the monotonic time. */
  look(): number {
    const now = this.#clock.monotonic();
    const difference = this.#clock.now() - now;
    const ahead = difference - this.#wallMinusMonotonic;
    this.#wallMinusMonotonic = difference;
    if (ahead >= STALL_MIN_MS || now - this.#expectedAt >= STALL_MIN_MS) {
      this.#lastEndedAt = now;
      this.#expectedAt = now;
    }
    return now;
  }

  /** Whether the process stood still for a while since this monotonic instant. */
  since(instant: number): boolean {
    return this.#lastEndedAt > instant;
  }
}
