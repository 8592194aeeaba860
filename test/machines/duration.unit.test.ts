import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../machines/duration.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

describe('reading durations', () => {
  it.each([
    ['300ms', 300],
    ['5s', 5_000],
    ['2m', 2 * MINUTE_MS],
    ['1h30m', 90 * MINUTE_MS],
    ['10m0s', 10 * MINUTE_MS],
    ['1.5s', 1_500],
    ['.5s', 500],
    ['1.s', 1_000],
    ['0', 0],
    ['0s', 0],
    ['-0', 0],
    ['+5s', 5_000],
    ['-5s', -5_000],
    ['1m1m', 2 * MINUTE_MS],
    ['100us', 1],
    ['100µs', 1],
    ['1ns', 1],
    ['2500000us', 2_500],
  ])('%s is %d ms', (text, ms) => {
    expect(Math.abs(parseDuration(text)! - ms)).toBe(0);
  });

  it.each(['', '5', '+', '-', ' 5s', '5s ', '5 s', '5d', 's', '.s', '1e3s', '1h-5m', 'five', '5S', '1..5s', '--5s'])(
    '%j is not a duration',
    (text) => {
      expect(parseDuration(text)).toBeNull();
    },
  );

  it('a number too large for a number is not a duration', () => {
    expect(parseDuration(`${'9'.repeat(400)}h`)).toBeNull();
  });
});

describe('writing durations', () => {
  it.each([
    [0, '0s'],
    [1, '1ms'],
    [999, '999ms'],
    [1_000, '1s'],
    [2_500, '2.5s'],
    [150_000, '2m30s'],
    [MINUTE_MS, '1m0s'],
    [10 * MINUTE_MS, '10m0s'],
    [HOUR_MS, '1h0m0s'],
    [HOUR_MS + 250, '1h0m0.25s'],
    [100 * HOUR_MS, '100h0m0s'],
    [-2_500, '-2.5s'],
  ])('%d ms is written %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('what was written is read back unchanged', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 45), max: 2 ** 45 }), (ms) => {
        expect(parseDuration(formatDuration(ms))! - ms).toBe(0);
      }),
    );
  });

  it('the canonical form is its own canonical form', () => {
    const parts = fc.tuple(fc.nat(300), fc.nat(300), fc.nat(300), fc.nat(3_000));
    fc.assert(
      fc.property(parts, ([h, m, s, ms]) => {
        const canonical = formatDuration(parseDuration(`${h}h${m}m${s}s${ms}ms`)!);
        expect(formatDuration(parseDuration(canonical)!)).toBe(canonical);
      }),
    );
  });
});
