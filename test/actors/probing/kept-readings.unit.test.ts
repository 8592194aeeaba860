/** Goal: live readings tell what the newest probes found. Method: rows of results. */
import { describe, expect, test } from 'vitest';
import { PROBE_RESULTS_KEPT_MAX } from '../../../src/actors/contracts/probe-readings.ts';
import { KeptReadings } from '../../../src/actors/probing/kept-readings.ts';

const NONE = { successes: 0, failures: 0, last_error: null };
const PASSED = { result: 'passed' } as const;
const failed = (error: string) => ({ result: 'failed', error }) as const;
const unavailable = (error: string) => ({ result: 'unavailable', error }) as const;

const begun = (counted: ConstructorParameters<typeof KeptReadings>[1] = NONE) =>
  new KeptReadings({ run: 3, revision: 2 }, counted);

describe('live readings', () => {
  test('count without a bound, and each result breaks the row of the other', () => {
    const readings = begun();
    for (let at = 1; at <= 50; at++) readings.note(PASSED, at, 1);
    expect(readings.read()).toMatchObject({ consecutive_successes: 50, consecutive_failures: 0, last_success_at: 50 });
    readings.note(failed('refused'), 60, 1);
    expect(readings.read()).toMatchObject({
      consecutive_successes: 0,
      consecutive_failures: 1,
      last_checked_at: 60,
      last_success_at: 50,
      last_failure_at: 60,
      last_error: 'refused',
    });
    readings.note(PASSED, 70, 1);
    expect(readings.read()).toMatchObject({ last_error: null, last_failure_at: 60, consecutive_successes: 1 });
  });

  test('of a probe that could not be made tell why, and count nothing: nobody was asked', () => {
    const readings = begun();
    readings.note(failed('refused'), 10, 1);
    readings.note(unavailable('no agent'), 20, null);
    expect(readings.read()).toMatchObject({
      consecutive_failures: 1,
      last_checked_at: 10,
      last_failure_at: 10,
      last_error: 'no agent',
    });
  });

  test('begin with what the chart has counted, and with nothing else', () => {
    const readings = begun({ successes: 0, failures: 3, last_error: 'refused' });
    expect(readings.read()).toEqual({
      run: 3,
      revision: 2,
      consecutive_successes: 0,
      consecutive_failures: 3,
      last_checked_at: null,
      last_success_at: null,
      last_failure_at: null,
      last_error: 'refused',
      missed: 0,
      last_results: [],
    });
    readings.note(failed('refused'), 10, 1);
    expect(readings.read().consecutive_failures).toBe(4);
  });

  test('keep the newest results, oldest first, and what was read stays as it was', () => {
    const readings = begun();
    for (let at = 1; at <= PROBE_RESULTS_KEPT_MAX; at++) readings.note(PASSED, at, at / 3);
    const before = readings.read();
    readings.note(failed('refused'), 100, 2.6);
    readings.note(unavailable('not started in time'), 110, null);
    const { last_results } = readings.read();
    expect(last_results).toHaveLength(PROBE_RESULTS_KEPT_MAX);
    expect(last_results.slice(-3)).toEqual([
      { at: PROBE_RESULTS_KEPT_MAX, duration_ms: 3, result: 'passed', error: null },
      { at: 100, duration_ms: 3, result: 'failed', error: 'refused' },
      { at: 110, duration_ms: null, result: 'unavailable', error: 'not started in time' },
    ]);
    expect(before.last_results[0]).toMatchObject({ at: 1 });
  });
});
