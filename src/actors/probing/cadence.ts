import { hash } from 'node:crypto';

/**
 * When a guest is asked: in slots that lie one interval apart on the monotonic clock, counted from the first one. How
 * long an answer takes, and how late a probe was started, moves no later slot.
 */

/**
 * The first slots of many windows are spread over this much time for each of them: a guest alone on its host is asked at
 * once, and 10,000 that a daemon finds at its start are asked over 10 s. It is never more than an interval.
 */
export const SPREAD_PER_WINDOW_MS = 1;
/** A probe that cannot be started within this time of its slot, or before the next slot, is not made. */
export const START_WITHIN_MS = 1_000;
/**
 * Between two wakes, at least: with thousands of guests, waking for each probe would cost more than the probes. No probe
 * is later for it than this, and none at all where few are asked.
 */
export const WAKE_GAP_MS = 10;

const HASH_DIGITS = 8;
const HASH_VALUES = 16 ** HASH_DIGITS;

/** Slots of one window: the one with the number k is due at `first + k * interval`. */
export interface Slots {
  /** Monotonic ms. */
  readonly first: number;
  readonly intervalMs: number;
}

/** The same instance always has the same share of the spread. `windows`: how many are open, with this one. */
export function firstOffsetMs(instance: string, intervalMs: number, windows: number): number {
  const share = Number.parseInt(hash('sha256', instance).slice(0, HASH_DIGITS), 16) / HASH_VALUES;
  return Math.floor(share * Math.min(intervalMs, windows * SPREAD_PER_WINDOW_MS));
}

export function dueAt({ first, intervalMs }: Slots, slot: number): number {
  return first + slot * intervalMs;
}

/** The latest instant at which the probe of this slot may start. */
export function startBy(slots: Slots, slot: number): number {
  return dueAt(slots, slot) + Math.min(START_WITHIN_MS, slots.intervalMs);
}

/** The next slot after this one in which a probe can still be started in time. */
export function slotAfter(slots: Slots, slot: number, now: number): number {
  const { first, intervalMs } = slots;
  const inTime = Math.ceil((now - Math.min(START_WITHIN_MS, intervalMs) - first) / intervalMs);
  return Math.max(slot + 1, inTime);
}

/**
 * When a question has had its time. One that was begun a little late ends that much early if the next slot would be late
 * for it otherwise: where the timeout is a whole interval, lateness would add up.
 */
export function answerBy(
  slots: Slots,
  slot: number,
  { askedAt, timeoutMs }: { readonly askedAt: number; readonly timeoutMs: number },
): number {
  const earlyMax = Math.min(WAKE_GAP_MS, timeoutMs / 2);
  const full = askedAt + timeoutMs;
  return Math.max(full - earlyMax, Math.min(full, dueAt(slots, slot + 1)));
}
