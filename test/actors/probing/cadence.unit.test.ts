/** Goal: slots are where the interval puts them, and first ones are spread. Method: the pure rules, over many values. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  answerBy,
  dueAt,
  firstOffsetMs,
  START_WITHIN_MS,
  slotAfter,
  startBy,
} from '../../../src/actors/probing/cadence.ts';
import { many } from './probing-scene.ts';

const slots = fc.record({
  first: fc.double({ min: 0, max: 1e9, noNaN: true }),
  intervalMs: fc.integer({ min: 1, max: 100_000 }),
});

describe('the next slot', () => {
  test('is always a later one that can still be kept, and the first of these', () => {
    fc.assert(
      fc.property(slots, fc.nat(10_000), fc.double({ min: 0, max: 1e7, noNaN: true }), (of, slot, waited) => {
        const now = dueAt(of, slot) + waited;
        const next = slotAfter(of, slot, now);
        expect(next).toBeGreaterThan(slot);
        expect(startBy(of, next)).toBeGreaterThanOrEqual(now - 1e-3);
        if (next > slot + 1) expect(startBy(of, next - 1)).toBeLessThan(now + 1e-3);
      }),
    );
  });

  test('can be kept until the one after it is due, and for no longer than a second', () => {
    expect(startBy({ first: 0, intervalMs: 300 }, 2)).toBe(900);
    expect(startBy({ first: 0, intervalMs: 10_000 }, 2)).toBe(20_000 + START_WITHIN_MS);
  });
});

describe('the time of a question', () => {
  const of = { first: 0, intervalMs: 10_000 };

  test('is its timeout, however late it was begun, where the next slot does not come too near', () => {
    expect(answerBy(of, 0, { askedAt: 900, timeoutMs: 2_000 })).toBe(2_900);
  });

  test('ends a little early rather than make the next slot late, and never by more than that', () => {
    expect(answerBy(of, 0, { askedAt: 7, timeoutMs: 10_000 })).toBe(10_000);
    expect(answerBy(of, 0, { askedAt: 900, timeoutMs: 10_000 })).toBe(10_890);
    expect(answerBy({ first: 0, intervalMs: 4 }, 0, { askedAt: 3, timeoutMs: 4 })).toBe(5);
  });
});

describe('the first slot', () => {
  test('of a guest that is alone comes at once, however long its interval is', () => {
    for (const name of many(100)) expect(firstOffsetMs(name, 3_600_000, 1)).toBe(0);
  });

  test('lies within an interval, and is the same each time for the same instance', () => {
    for (const name of many(1_000)) {
      const offset = firstOffsetMs(name, 500, 10_000);
      expect(offset).toBeGreaterThanOrEqual(0);
      expect(offset).toBeLessThan(500);
      expect(firstOffsetMs(name, 500, 10_000)).toBe(offset);
    }
  });

  test('of many lies anywhere in the spread, evenly', () => {
    const tenths = Array<number>(10).fill(0);
    for (const name of many(10_000)) tenths[Math.floor(firstOffsetMs(name, 10_000, 10_000) / 1_000)]! += 1;
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});
