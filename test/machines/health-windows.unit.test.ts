import { describe, expect, it } from 'vitest';
import { CHECK, definition, ON_FAILURE, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited } from './driver.ts';
import { comeBack, probe, runningChecked } from './probing.ts';

/** Which probes count, from when on, and what time in running proves. Offsets in milliseconds; start period 10 s. */

const by = 'ann';

const verdicts = (driver: Driver) => driver.facts('health.changed').map((fact) => 'to' in fact && fact.to);

const health = (driver: Driver) => driver.snapshot().context.health;

describe('a new window with a start period of its own', () => {
  it('begins with a restore, however long ago the guest was booted', () => {
    const driver = runningChecked();
    driver.send(100_000, { type: 'standby', by });
    driver.send(100_000, done('vmm.pause', 1));
    driver.send(100_000, done('vmm.snapshot', 1));
    driver.send(100_000, exited(1, null));
    driver.send(200_000, { type: 'restore', by });
    driver.send(200_500, done('vmm.restore', 2));
    driver.send(201_000, done('guest.set_clock', 2));
    expect(health(driver).window_started_at).toBe(START + 200_000);
    for (const at of [202_000, 205_000, 209_999]) probe(driver, at, 'failed');
    expect(driver.region('health')).toBe('starting');
    probe(driver, 210_000, 'failed');
    expect(driver.facts('health.changed')).toMatchObject([{ to: 'unhealthy', at: 210_000 }]);
  });

  it('begins with a changed check', () => {
    const driver = runningChecked();
    probe(driver, 50_000, 'passed');
    driver.send(60_000, { type: 'update', by, changes: { health_check: { ...CHECK, interval_ms: 9_000 } } });
    expect(health(driver)).toMatchObject({ window_started_at: START + 60_000, successes: 0 });
    for (const at of [61_000, 65_000, 69_999]) probe(driver, at, 'failed');
    expect(driver.region('health')).toBe('starting');
    probe(driver, 70_000, 'failed');
    expect(verdicts(driver)).toEqual(['healthy', 'unhealthy']);
  });

  it('begins with a check that is given to a guest that has run for long', () => {
    const driver = drive(definition({ restart_policy: ON_FAILURE }));
    bootUp(driver, 0);
    driver.send(60_000, { type: 'update', by, changes: { health_check: CHECK } });
    probe(driver, 61_000, 'failed');
    probe(driver, 69_999, 'failed');
    expect(driver.region('health')).toBe('starting');
  });

  it('does not begin with an update of something else', () => {
    const driver = runningChecked();
    probe(driver, 5_000, 'failed');
    const before = health(driver);
    driver.send(6_000, { type: 'update', by, changes: { expiry: null } });
    driver.send(7_000, { type: 'update', by, changes: { restart_policy: ON_FAILURE } });
    expect(health(driver)).toEqual(before);
  });

  it('begins with each run', () => {
    const driver = runningChecked();
    probe(driver, 9_000, 'failed');
    driver.send(20_000, exited(1, 1));
    bootUp(driver, 21_000);
    expect(health(driver)).toMatchObject({ window_started_at: START + 20_000, failures: 0 });
  });
});

describe('a guest that was out of sight', () => {
  /** Paused on its way to standby and awake again. */
  function abandoned(): Driver {
    const driver = runningChecked();
    driver.send(20_000, { type: 'standby', by });
    driver.send(21_000, { type: 'start', by });
    driver.send(22_000, done('vmm.resume', 1));
    expect(driver.lifecycle()).toBe('running');
    return driver;
  }

  it('is judged in a new window: what a probe says that was under way meanwhile changes nothing', () => {
    const driver = abandoned();
    expect(probe(driver, 22_001, 'failed', { revision: 0 }).accepted).toBe(false);
    expect(probe(driver, 22_002, 'failed').accepted).toBe(true);
  });

  it('has no new start period, since it was not started', () => {
    const driver = abandoned();
    expect(health(driver).window_started_at).toBe(START);
    probe(driver, 23_000, 'failed');
    probe(driver, 24_000, 'failed');
    expect(verdicts(driver)).toEqual(['unhealthy']);
  });

  it('lost and found again, the same holds', () => {
    const driver = runningChecked();
    const found = (at: number, reality: object) =>
      driver.send(at, { type: 'vmm.found', run: 1, found: reality as never });
    probe(driver, 20_000, 'failed');
    found(21_000, { reality: 'unreachable', message: 'no answer' });
    expect(probe(driver, 22_000, 'failed', { revision: 0 }).accepted).toBe(false);
    found(23_000, { reality: 'running', ready: true });
    expect(probe(driver, 23_001, 'failed', { revision: 0 }).accepted).toBe(false);
    expect(health(driver)).toMatchObject({ failures: 0, revision: 1 });
  });

  it.each([
    ['stopping', { type: 'stop', by }],
    ['on its way to standby', { type: 'standby', by }],
    ['being restarted', { type: 'restart', by }],
    ['being deleted', { type: 'delete', by }],
  ] as const)('no probe counts while it is %s', (_where, command) => {
    const driver = runningChecked({ failure_threshold: 1 });
    driver.send(20_000, command);
    const { revision } = health(driver);
    expect(probe(driver, 20_001, 'failed', { revision }).accepted).toBe(false);
    expect(probe(driver, 20_002, 'passed', { revision }).accepted).toBe(false);
    expect(driver.facts('health.changed')).toEqual([]);
  });
});

describe('a probe that could not be made', () => {
  it('neither breaks a streak nor adds to it, and is not recorded', () => {
    const driver = runningChecked();
    probe(driver, 11_000, 'failed');
    const window = { run: 1, revision: 0 };
    const step = driver.send(12_000, { type: 'probe.unavailable', window, error: 'no agent' });
    expect([step.accepted, health(driver).failures]).toEqual([false, 1]);
    probe(driver, 13_000, 'failed');
    expect(verdicts(driver)).toEqual(['unhealthy']);
  });

  it('takes no verdict back: a guest that was unhealthy before is restarted when its time has come', () => {
    const driver = runningChecked({ failure_threshold: 1, start_period_ms: 0 }, { backoff_ms: 60_000 });
    probe(driver, 1_000, 'failed');
    comeBack(driver, 2_000);
    probe(driver, 3_000, 'failed');
    driver.send(4_000, { type: 'probe.unavailable', window: { run: 2, revision: 0 }, error: 'no agent' });
    driver.until(61_000);
    expect(driver.lifecycle()).toBe('stopping');
  });
});
