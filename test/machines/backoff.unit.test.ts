import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countsFromStart, delayBefore, delayForAttempt, dueAfter, fractionOf } from '../../machines/backoff.ts';
import type { RestartPolicy } from '../../machines/policies.ts';
import { ON_FAILURE } from './definitions.ts';

/** Delays between attempts, in milliseconds; `n` counts from 0 and belongs to attempt n + 2. */

const BASE = { ...ON_FAILURE, backoff_ms: 1_000 };
const GROWING: RestartPolicy = { ...BASE, backoff_max_ms: 30_000 };
const of = (attempt: number, name = 'web', run = 1) => ({ name, run, attempt });

describe('delay number n', () => {
  it('without a maximum it is always the same', () => {
    expect([0, 1, 2, 60].map((n) => delayForAttempt(BASE, n))).toEqual([1_000, 1_000, 1_000, 1_000]);
  });

  it('with one it doubles up to it, and no exponent is too large', () => {
    const delays = [0, 1, 2, 3, 4, 5, 6, 5_000].map((n) => delayForAttempt(GROWING, n));
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('a base above the maximum is cut to it', () => {
    expect(delayForAttempt({ ...BASE, backoff_max_ms: 300 }, 0)).toBe(300);
  });

  it('a list is followed one by one, and its last entry repeats', () => {
    const policy = { ...BASE, delays_ms: [10, 500, 60] };
    expect([0, 1, 2, 3, 99].map((n) => delayForAttempt(policy, n))).toEqual([10, 500, 60, 60, 60]);
  });
});

describe('jitter', () => {
  const jittered = { ...GROWING, jitter: 0.5 };

  it('stays within its fraction of the delay, and reaches both sides of it', () => {
    const delays = Array.from({ length: 500 }, (_, index) => delayBefore(jittered, of(2, `vm-${index}`)));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_500);
    expect(delays.filter((delay) => delay < 750).length).toBeGreaterThan(80);
    expect(delays.filter((delay) => delay > 1_250).length).toBeGreaterThan(80);
  });

  it('the same attempt waits the same time, another instance, run or attempt another one', () => {
    const own = delayBefore(jittered, of(7));
    expect(delayBefore(jittered, of(7))).toBe(own);
    for (const other of [of(7, 'wed'), of(7, 'web', 2), of(8)]) expect(delayBefore(jittered, other)).not.toBe(own);
  });

  it('at the maximum it is taken off and never added, so that nobody goes in step there either', () => {
    const delays = Array.from({ length: 500 }, (_, index) => delayBefore(jittered, of(40, `vm-${index}`)));
    expect(Math.max(...delays)).toBeLessThanOrEqual(30_000);
    expect(new Set(delays).size).toBeGreaterThan(450);
  });

  it('the fraction it is made of is spread evenly over 0 to 1', () => {
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let run = 0; run < 10_000; run += 1) {
      const fraction = fractionOf(of(2, 'web', run));
      expect(fraction).toBeGreaterThanOrEqual(0);
      expect(fraction).toBeLessThan(1);
      tenths[Math.floor(fraction * 10)]! += 1;
    }
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});

describe('the instant of the next attempt', () => {
  const window = { attempts: 1, last_attempt_at: 10_000 };
  const failure = { name: 'web', run: 2, failedAt: 12_000 };

  it('the first attempt of a window is due with the failure, whatever the policy', () => {
    for (const policy of [BASE, GROWING, { ...BASE, delays_ms: [9_000] }, { ...BASE, jitter: 1 }]) {
      expect(dueAfter(policy, { attempts: 0, last_attempt_at: null }, failure)).toBe(12_000);
    }
  });

  it('a fixed delay counts from the start of the attempt before', () => {
    expect(countsFromStart(BASE)).toBe(true);
    expect(dueAfter(BASE, window, failure)).toBe(11_000);
  });

  it.each([
    ['a growing one', GROWING, 13_000],
    ['one of a list', { ...BASE, delays_ms: [7_000] }, 19_000],
  ] as const)('%s counts from the failure', (_which, policy, due) => {
    expect(countsFromStart(policy as RestartPolicy)).toBe(false);
    expect(dueAfter(policy as RestartPolicy, window, failure)).toBe(due);
  });

  it('a jittered one counts from the failure', () => {
    const due = dueAfter({ ...BASE, jitter: 0.1 }, window, failure);
    expect(due).toBeGreaterThanOrEqual(12_900);
    expect(due).toBeLessThanOrEqual(13_100);
  });
});

describe('whatever the policy', () => {
  const policies = fc.record(
    {
      policy: fc.constantFrom('on_failure' as const, 'always' as const),
      backoff_ms: fc.integer({ min: 1, max: 86_400_000 }),
      max_attempts: fc.nat(10),
      stable_after_ms: fc.integer({ min: 1, max: 1_000 }),
      backoff_max_ms: fc.integer({ min: 1, max: 86_400_000 }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      delays_ms: fc.array(fc.integer({ min: 1, max: 86_400_000 }), { minLength: 1, maxLength: 5 }),
    },
    { requiredKeys: ['policy', 'backoff_ms', 'max_attempts', 'stable_after_ms'] },
  );

  it('a delay is a whole number of milliseconds, never negative and never past the maximum', () => {
    fc.assert(
      fc.property(policies, fc.integer({ min: 2, max: 5_000 }), fc.nat(), fc.string(), (policy, attempt, run, name) => {
        const delay = delayBefore(policy as RestartPolicy, { name, run, attempt });
        const max = policy.delays_ms === undefined ? policy.backoff_max_ms : undefined;
        return Number.isInteger(delay) && delay >= 0 && (max === undefined || delay <= max);
      }),
      { seed: 20_260_101, numRuns: 2_000 },
    );
  });
});
