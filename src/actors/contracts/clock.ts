/**
 * The only sources of time and chance. `src/actors/clock.ts` is the one module that may read the machine's clock or
 * its randomness; everything else is given these.
 */

export type CancelTimer = () => void;

export interface Clock {
  /** Wall clock, epoch ms. */
  now(): number;
  /** Monotonic ms since an arbitrary moment, for durations that must not follow steps of the wall clock. */
  monotonic(): number;
  /** Calls back once after `delayMs` of monotonic time (any finite number ≥ 0, also past an int32). */
  after(delayMs: number, callback: () => void): CancelTimer;
  /** Resolves after `delayMs`, or at once when the signal fires (then with `false`). */
  sleep(delayMs: number, signal?: AbortSignal): Promise<boolean>;
  /** A turn of the event loop: lets pending input and output be served. */
  turn(): Promise<void>;
}

export interface Random {
  /** A new lower-case ULID; ids from one source ascend. */
  id(): string;
  /** Hex text of `bytes` random bytes. */
  hex(bytes: number): string;
}
