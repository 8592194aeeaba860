import type { TimerName } from '../../machines/step.ts';
import type { CancelTimer, Clock } from './contracts/clock.ts';

/**
 * One heap for the timers of all instances, on one timer of the clock. Deadlines are wall-clock instants; the clock is
 * looked at again at least every `look` ms, so that a step of the wall clock is noticed and late timers fire.
 */

/** How often the wall clock is compared with the monotonic one while timers wait. */
export const CLOCK_LOOK_MS = 1_000;
/** A smaller difference is drift or scheduling, not a step. */
export const CLOCK_STEP_MIN_MS = 500;
/** Firings that are later than this share of a millisecond are not worth another look. */
const COMPACT_MIN_ENTRIES = 1_024;

export interface DueTimer {
  readonly instance: string;
  readonly name: TimerName;
  readonly due: number;
  readonly armed: number;
}

export interface TimerHeapOptions {
  readonly clock: Clock;
  readonly fire: (timer: DueTimer) => void;
  readonly onClockStep?: (byMs: number) => void;
  /** Infinity when the clock cannot step (simulation). */
  readonly lookMs?: number;
  /** Is this entry still what its instance waits for? Lets the heap drop what was cancelled. */
  readonly isPending: (timer: DueTimer) => boolean;
}

export class TimerHeap {
  readonly #options: TimerHeapOptions;
  #entries: DueTimer[] = [];
  #cancelWake: CancelTimer | null = null;
  #wakeAt = Number.POSITIVE_INFINITY;
  #wallMinusMonotonic: number;
  #sinceCompaction = 0;
  #closed = false;

  constructor(options: TimerHeapOptions) {
    this.#options = options;
    this.#wallMinusMonotonic = options.clock.now() - options.clock.monotonic();
  }

  get size(): number {
    return this.#entries.length;
  }

  add(timer: DueTimer): void {
    if (this.#closed) return;
    this.#push(timer);
    this.#sinceCompaction += 1;
    if (this.#sinceCompaction > COMPACT_MIN_ENTRIES && this.#sinceCompaction > this.#entries.length / 2)
      this.#compact();
    this.#schedule();
  }

  /** Nothing is armed any more: what ends late would keep the process awake. */
  close(): void {
    this.#closed = true;
    this.#cancelWake?.();
    this.#cancelWake = null;
    this.#entries = [];
  }

  #schedule(): void {
    const first = this.#entries[0];
    if (first === undefined) return;
    const { clock, lookMs = CLOCK_LOOK_MS } = this.#options;
    const inMs = Math.min(Math.max(0, first.due - clock.now()), lookMs);
    const wakeAt = clock.monotonic() + inMs;
    if (this.#cancelWake !== null && this.#wakeAt <= wakeAt) return;
    this.#cancelWake?.();
    this.#wakeAt = wakeAt;
    this.#cancelWake = clock.after(inMs, () => this.#wake());
  }

  #wake(): void {
    this.#cancelWake = null;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#noticeStep();
    const now = this.#options.clock.now();
    for (let first = this.#entries[0]; first !== undefined && first.due <= now; first = this.#entries[0]) {
      this.#pop();
      if (this.#options.isPending(first)) this.#options.fire(first);
    }
    this.#schedule();
  }

  #noticeStep(): void {
    const { clock, onClockStep } = this.#options;
    const difference = clock.now() - clock.monotonic();
    const step = difference - this.#wallMinusMonotonic;
    if (Math.abs(step) < CLOCK_STEP_MIN_MS) return;
    this.#wallMinusMonotonic = difference;
    onClockStep?.(Math.round(step));
  }

  #compact(): void {
    const pending = this.#entries.filter((entry) => this.#options.isPending(entry));
    this.#entries = [];
    for (const entry of pending) this.#push(entry);
    this.#sinceCompaction = 0;
  }

  #push(timer: DueTimer): void {
    const entries = this.#entries;
    let index = entries.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (entries[parent]!.due <= timer.due) break;
      entries[index] = entries[parent]!;
      index = parent;
    }
    entries[index] = timer;
  }

  #pop(): void {
    const entries = this.#entries;
    const last = entries.pop()!;
    if (entries.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && entries[child + 1]!.due < entries[child]!.due) child += 1;
      if (entries[child]!.due >= last.due) break;
      entries[index] = entries[child]!;
      index = child;
    }
    entries[index] = last;
  }
}
