import { describe, expect, test } from 'vitest';
import { mismatches } from '../../src/cli/simulate/match.ts';

const START = Date.parse('2026-01-01T12:00:00Z');
const fits = (expected: unknown, actual: unknown): boolean => mismatches(expected, actual, START).length === 0;

describe('an expected part of a view', () => {
  test.for([
    ['nothing', {}, { a: 1 }],
    ['a part of the whole', { a: { b: 1 } }, { a: { b: 1, c: 2 }, d: 3 }],
    ['null for what is null', { a: null }, { a: null }],
    ['null for what is absent', { a: { b: null } }, {}],
    ['zero for what is absent', { attempts: 0 }, {}],
    ['an offset from the start', { at: '+1m5s' }, { at: '2026-01-01T12:01:05.000Z' }],
    ['an instant written another way', { at: '2026-01-01T13:01:05+01:00' }, { at: '2026-01-01T12:01:05.000Z' }],
    ['a duration written another way', { backoff: '120s' }, { backoff: '2m0s' }],
    ['a list', { list: [{ a: 1 }] }, { list: [{ a: 1, b: 2 }] }],
  ] as const)('fits: %s', ([, expected, actual]) => {
    expect(fits(expected, actual)).toBe(true);
  });

  test.for([
    ['another value', { a: 1 }, { a: 2 }],
    ['another type', { a: '1' }, { a: 1 }],
    ['what is absent', { a: { b: 1 } }, {}],
    ['null for what is there', { a: null }, { a: 0 }],
    ['zero for another number', { attempts: 0 }, { attempts: 1 }],
    ['another offset', { at: '+1m4s' }, { at: '2026-01-01T12:01:05.000Z' }],
    ['another duration', { backoff: '119s' }, { backoff: '2m0s' }],
    ['a mapping for a text', { a: {} }, { a: 'text' }],
    ['a list of another length', { list: [1] }, { list: [1, 2] }],
    ['true for what is absent', { a: false }, {}],
  ] as const)('does not fit: %s', ([, expected, actual]) => {
    expect(fits(expected, actual)).toBe(false);
  });

  test('tells the path of every difference', () => {
    expect(mismatches({ a: { b: 1, c: [1] }, d: null }, { a: { b: 2, c: [3] }, d: 4 }, START)).toEqual([
      { path: 'a.b', expected: 1, actual: 2 },
      { path: 'a.c.0', expected: 1, actual: 3 },
      { path: 'd', expected: null, actual: 4 },
    ]);
  });
});
