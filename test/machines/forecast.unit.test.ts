import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FORECAST_ATTEMPTS_MAX, type Forecast, forecast } from '../../machines/forecast.ts';
import type { RestartPolicy } from '../../machines/policies.ts';
import { CHECK, definition, ON_FAILURE, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, failed } from './driver.ts';
import { comeBack, probe } from './probing.ts';

/** What would follow if every run ended at once in failure. Offsets in milliseconds; backoff 7 s, two attempts. */

const GROWING: RestartPolicy = { ...ON_FAILURE, max_attempts: 5, backoff_max_ms: 20_000 };

function running(policy: RestartPolicy | null = ON_FAILURE, parts = {}): Driver {
  const driver = drive(definition({ restart_policy: policy, ...parts }));
  bootUp(driver, 0);
  return driver;
}

const foretold = (driver: Driver, atMs: number): Forecast => forecast(driver.snapshot(), START + atMs);
const instants = ({ attempts }: Forecast): number[] => attempts.map(({ not_before }) => not_before - START);

describe('what a forecast says', () => {
  it('of a guest that runs: the first attempt at once, the others after their delays, and where it ends', () => {
    const told = foretold(running(), 1_000);
    expect(instants(told)).toEqual([1_000, 8_000]);
    expect(told).toMatchObject({ attempts: [{ attempt: 1 }, { attempt: 2 }], gives_up_after: 2, unbounded: false });
  });

  it('of growing delays: each counts from the failure before', () => {
    expect(instants(foretold(running(GROWING), 0))).toEqual([0, 7_000, 21_000, 41_000, 61_000]);
  });

  it('of a backoff: the attempt that is pending comes first', () => {
    const driver = running();
    driver.send(0, exited(1, 1));
    driver.send(1_000, failed('vmm.boot', 2));
    const told = foretold(driver, 3_000);
    expect(instants(told)).toEqual([7_000]);
    expect(told.attempts).toMatchObject([{ attempt: 2 }]);
  });

  it('of a stability period: it is over first', () => {
    const driver = running(
      { ...ON_FAILURE, max_attempts: 3, stability_period_ms: 90_000 },
      { health_check: { ...CHECK, failure_threshold: 1, start_period_ms: 0 } },
    );
    probe(driver, 1_000, 'failed');
    comeBack(driver, 2_000);
    probe(driver, 3_000, 'failed');
    expect(instants(foretold(driver, 4_000))).toEqual([91_000, 98_000]);
  });

  it('of an attempt that the host has not answered: now', () => {
    const driver = drive(definition({ restart_policy: GROWING }), 'running', 0, 'silent');
    bootUp(driver, 0);
    driver.send(1_000, exited(1, 1));
    expect(instants(foretold(driver, 1_500))[0]).toBe(1_500);
    driver.send(2_000, { type: 'host.granted', run: 1, purpose: 'restart_policy' });
    driver.send(3_000, failed('vmm.boot', 2));
    driver.until(10_000);
    expect(driver.region('restart')).toBe('admission');
    expect(instants(foretold(driver, 10_500)).slice(0, 2)).toEqual([10_500, 24_500]);
  });

  it('of a boot after the host went down: it is no attempt, and what follows it answers the next run', () => {
    const down = { ...exited(1, null), reason: 'host_reboot' } as never;
    const driver = drive(definition({ restart_policy: { ...GROWING, jitter: 0.5 } }), 'running', 0, 'silent');
    bootUp(driver, 0);
    driver.send(1_000, down);
    const told = foretold(driver, 2_000);
    expect(told.attempts).toHaveLength(5);
    driver.send(2_000, { type: 'host.granted', run: 1, purpose: 'host_reboot' });
    expect(driver.lifecycle()).toBe('booting');
    expect(told).toEqual(foretold(driver, 2_000));
  });

  it('of an instance whose next run is certain to come: what follows answers that run', () => {
    const jittered = { ...GROWING, jitter: 0.5 };
    const created = drive(definition({ restart_policy: jittered }));
    const before = foretold(created, 2_000);
    created.send(2_000, done('instance.prepare', 0));
    expect([created.lifecycle(), before]).toEqual(['booting', foretold(created, 2_000)]);

    const check = { ...CHECK, failure_threshold: 1, start_period_ms: 0 };
    const sick = running(jittered, { health_check: check });
    probe(sick, 1_000, 'failed');
    expect(sick.lifecycle()).toBe('stopping');
    const meanwhile = foretold(sick, 2_000);
    sick.send(2_000, exited(1, 0));
    expect([sick.lifecycle(), meanwhile]).toEqual(['booting', foretold(sick, 2_000)]);
  });

  it('of a boot after the host went down with its budget used up: nothing after it', () => {
    const driver = drive(definition({ restart_policy: { ...ON_FAILURE, max_attempts: 1 } }), 'running', 0, 'silent');
    bootUp(driver, 0);
    driver.send(1_000, exited(1, 1));
    driver.send(1_000, { type: 'host.granted', run: 1, purpose: 'restart_policy' });
    bootUp(driver, 2_000);
    driver.send(3_000, { ...exited(2, null), reason: 'host_reboot' } as never);
    expect(driver.region('restart')).toBe('admission');
    expect(foretold(driver, 4_000)).toEqual({ attempts: [], gives_up_after: 1, unbounded: false });
  });

  it('without a limit it is cut, and says that there is none', () => {
    const told = foretold(running({ ...ON_FAILURE, max_attempts: 0 }), 0);
    expect(told.attempts).toHaveLength(FORECAST_ATTEMPTS_MAX);
    expect(told).toMatchObject({ gives_up_after: null, unbounded: true });
  });

  it('a limit beyond what is foretold is named all the same', () => {
    const told = foretold(running({ ...ON_FAILURE, max_attempts: 100 }), 0);
    expect([told.attempts.length, told.gives_up_after, told.unbounded]).toEqual([FORECAST_ATTEMPTS_MAX, 100, false]);
  });

  it('ends with the expiry', () => {
    const told = foretold(
      running({ ...ON_FAILURE, max_attempts: 0 }, { expiry: { expires_at: START + 14_000, then: 'stop' } }),
      0,
    );
    expect(instants(told)).toEqual([0, 7_000]);
    expect(told).toMatchObject({ gives_up_after: 2, unbounded: false });
  });

  const NOTHING: Forecast = { attempts: [], gives_up_after: 0, unbounded: false };
  it.each([
    ['without a policy', () => running(null)],
    ['once stopped', () => send(running(), { type: 'stop', by: 'ann' })],
    ['while hands are off', () => send(running(), { type: 'ignore', by: 'ann' })],
    ['in maintenance', () => send(running(), { type: 'host.mode_changed', mode: 'maintenance' })],
    ['at rest after a clean end', () => send(running(), exited(1, 0))],
    [
      'when it could not be prepared',
      () => send(drive(definition({ restart_policy: ON_FAILURE })), failed('instance.prepare', 0)),
    ],
    ['set aside', () => send(running(), { type: 'instance.quarantined', error: 'a rule threw' })],
  ] as const)('%s nothing follows', (_when, place) => {
    expect(foretold(place(), 2_000)).toEqual(NOTHING);
  });

  it('with the budget used up nothing follows, and it gave up after the last attempt made', () => {
    const driver = running({ ...ON_FAILURE, max_attempts: 1 });
    driver.send(0, exited(1, 1));
    bootUp(driver, 500);
    driver.send(1_000, exited(2, 1));
    expect(foretold(driver, 2_000)).toEqual({ attempts: [], gives_up_after: 1, unbounded: false });
  });
});

function send(driver: Driver, event: Parameters<Driver['send']>[1]): Driver {
  driver.send(1_000, event);
  return driver;
}

describe('a forecast comes true', () => {
  const policies = fc.record(
    {
      policy: fc.constantFrom('on_failure' as const, 'always' as const),
      backoff_ms: fc.integer({ min: 1, max: 100_000 }),
      max_attempts: fc.integer({ min: 1, max: 8 }),
      stable_after_ms: fc.constant(600_000),
      backoff_max_ms: fc.integer({ min: 1, max: 300_000 }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      delays_ms: fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 4 }),
    },
    { requiredKeys: ['policy', 'backoff_ms', 'max_attempts', 'stable_after_ms'] },
  );

  it('when every boot fails at once, to the millisecond, whatever the policy', () => {
    fc.assert(
      fc.property(policies, (policy) => {
        const driver = running(policy as RestartPolicy);
        const told = foretold(driver, 5_000);
        driver.send(5_000, exited(1, 1));
        const made: number[] = [];
        for (let run = 2; run <= policy.max_attempts + 2; run += 1) {
          if (driver.lifecycle() !== 'booting') break;
          const { last_attempt_at } = driver.snapshot().context.restart;
          made.push((last_attempt_at ?? 0) - START);
          driver.send(made.at(-1)!, failed('vmm.boot', run));
          const due = driver.pending()['timer.backoff'];
          if (due !== undefined) driver.until(due);
        }
        expect(made).toEqual(instants(told));
        expect(driver.restart()).toMatchObject({
          attempts: told.gives_up_after,
          blocked_reason: 'max_attempts_exceeded',
        });
      }),
      { seed: 20_260_101, numRuns: 200 },
    );
  });
});
