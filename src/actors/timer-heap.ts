import type { TimerName } from '../../machines/step.ts';
import type { CancelTimer, Clock } from './contracts/clock.ts';
import { type Due, DueHeap } from './due-heap.ts';

/**
 * One heap for the timers of all instances, on one timer of the clock. Deadlines are wall-clock instants; the clock is
 * looked at again at least every `look` ms, so that a step of the wall clock is noticed and late timers fire.
 */

/** How often the wall clock is compared with the monotonic one while timers wait. */
export const CLOCK_LOOK_MS = 1_000;
/** A smaller difference is drift or scheduling, not a step. */
export const CLOCK_STEP_MIN_MS = 500;
/** Timers armed since what is no longer pending was last dropped, before it is worth dropping it again. */
const COMPACT_MIN_ENTRIES = 1_024;

export interface DueTimer {
  readonly instance: string;
  readonly name: TimerName;
  readonly due: number;
  readonly armed: number;
}

interface Entry extends Due {
  readonly timer: DueTimer;
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
  readonly #heap = new DueHeap<Entry>();
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
    return this.#heap.size;
  }

  add(timer: DueTimer): void {
    if (this.#closed) return;
    this.#heap.put({ timer, dueAt: timer.due, place: -1 }, timer.due);
    this.#sinceCompaction += 1;
    if (this.#sinceCompaction > COMPACT_MIN_ENTRIES && this.#sinceCompaction > this.#heap.size / 2) this.#compact();
    this.#schedule();
  }

  /** Nothing is armed any more: what ends late would keep the process awake. */
  close(): void {
    this.#closed = true;
    this.#cancelWake?.();
    this.#cancelWake = null;
    this.#heap.clear();
  }

  #schedule(): void {
    const first = this.#heap.first();
    if (first === undefined) return;
    const { clock, lookMs = CLOCK_LOOK_MS } = this.#options;
    const inMs = Math.min(Math.max(0, first.dueAt - clock.now()), lookMs);
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
    for (let first = this.#heap.first(); first !== undefined && first.dueAt <= now; first = this.#heap.first()) {
      this.#heap.remove(first);
      if (this.#options.isPending(first.timer)) this.#options.fire(first.timer);
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
    this.#heap.keepOnly(({ timer }) => this.#options.isPending(timer));
    this.#sinceCompaction = 0;
  }
}
