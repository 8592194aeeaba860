import type { RestartPolicy } from './policies.ts';

/**
 * The arithmetic of delays between automatic attempts, in milliseconds. The first attempt of a window is made at once;
 * attempt k + 1 waits for `delayForAttempt(k - 1)`. A fixed delay counts from the start of attempt k, as hypeman's
 * does: a run that outlived it is followed at once. Growing, listed and jittered ones count from the failure itself,
 * because they are there to give a struggling guest, or its host, time without it.
 */

/** What tells one attempt from every other: it decides the jitter, so that a replay comes to the same instant. */
export interface AttemptIdentity {
  readonly name: string;
  /** The run whose failure the attempt answers. */
  readonly run: number;
  /** Number of the attempt in its window, from 1. */
  readonly attempt: number;
}

/** Where a window of restarts stands. */
export interface Attempts {
  readonly attempts: number;
  readonly last_attempt_at: number | null;
}

/** Delay number `n`, counted from 0 and before jitter: listed, doubling up to its maximum, or always the same. */
export function delayForAttempt(policy: RestartPolicy, n: number): number {
  const { backoff_ms, backoff_max_ms, delays_ms } = policy;
  if (delays_ms !== undefined) return delays_ms[Math.min(n, delays_ms.length - 1)] ?? backoff_ms;
  if (backoff_max_ms === undefined) return backoff_ms;
  return Math.min(backoff_ms * 2 ** n, backoff_max_ms);
}

/**
 * The delay before an attempt (2 or later), jitter included: never negative, never past a maximum. What jitter would add
 * beyond the maximum is taken off instead, or half of all that wait for it would still go in step.
 */
export function delayBefore(policy: RestartPolicy, of: AttemptIdentity): number {
  const { jitter = 0, delays_ms, backoff_max_ms } = policy;
  const plain = delayForAttempt(policy, of.attempt - 2);
  const jittered = Math.round(plain * (1 + jitter * (2 * fractionOf(of) - 1)));
  const max = delays_ms === undefined ? backoff_max_ms : undefined;
  return max !== undefined && jittered > max ? 2 * max - jittered : jittered;
}

/** Whether the delay counts from the start of the attempt before, or from the failure that followed it. */
export function countsFromStart({ backoff_max_ms, delays_ms, jitter = 0 }: RestartPolicy): boolean {
  return backoff_max_ms === undefined && delays_ms === undefined && jitter === 0;
}

/** Earliest instant (epoch ms) of the next attempt after a failure at `failedAt`; it may have passed. */
export function dueAfter(
  policy: RestartPolicy,
  { attempts, last_attempt_at }: Attempts,
  { name, run, failedAt }: { readonly name: string; readonly run: number; readonly failedAt: number },
): number {
  if (last_attempt_at === null) return failedAt;
  const from = countsFromStart(policy) ? last_attempt_at : failedAt;
  return from + delayBefore(policy, { name, run, attempt: attempts + 1 });
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * A number from 0 up to but not including 1, spread evenly and always the same for the same attempt: FNV-1a, its bits
 * mixed as MurmurHash3 ends, because names and attempts that differ in one digit must not come to similar delays.
 */
export function fractionOf({ name, run, attempt }: AttemptIdentity): number {
  let hash = FNV_OFFSET;
  for (const character of `${name}/${run}/${attempt}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), FNV_PRIME);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
