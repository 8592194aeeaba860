import { describe, expect, it } from 'vitest';
import type { HealthCheck } from '../../machines/policies.ts';
import { CHECK, definition, ON_FAILURE, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited } from './driver.ts';
import { comeBack, probe } from './probing.ts';

/** Which probes count, from when on, and what time in running proves. Offsets in milliseconds; start period 10 s. */

const by = 'ann';

function running(check: Partial<HealthCheck> = {}, policy: object = {}): Driver {
  const driver = drive(
    definition({ restart_policy: { ...ON_FAILURE, ...policy }, health_check: { ...CHECK, ...check } }),
  );
  bootUp(driver, 0);
  return driver;
}

const verdicts = (driver: Driver) => driver.facts('health.changed').map((fact) => 'to' in fact && fact.to);

const health = (driver: Driver) => driver.snapshot().context.health;

describe('a new window with a start period of its own', () => {
  it('begins with a restore, however long ago the guest was booted', () => {
    const driver = running();
    driver.send(100_000, { type: 'standby', by });
    driver.send(100_000, done('vmm.pause', 1));
    driver.send(100_000, done('vmm.snapshot', 1));
    driver.send(100_000, exited(1, null));
    driver.send(200_000, { type: 'restore', by });
    driver.send(201_000, done('vmm.restore', 2));
    expect(health(driver).window_started_at).toBe(START + 200_000);
    for (const at of [202_000, 205_000, 209_999]) probe(driver, at, 'failed');
    expect(driver.region('health')).toBe('starting');
    probe(driver, 210_000, 'failed');
    expect(driver.facts('health.changed')).toMatchObject([{ to: 'unhealthy', at: 210_000 }]);
  });

  it('begins with a changed check', () => {
    const driver = running();
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
    const driver = running();
    probe(driver, 5_000, 'failed');
    const before = health(driver);
    driver.send(6_000, { type: 'update', by, changes: { expiry: null } });
    driver.send(7_000, { type: 'update', by, changes: { restart_policy: ON_FAILURE } });
    expect(health(driver)).toEqual(before);
  });

  it('begins with each run', () => {
    const driver = running();
    probe(driver, 9_000, 'failed');
    driver.send(20_000, exited(1, 1));
    bootUp(driver, 21_000);
    expect(health(driver)).toMatchObject({ window_started_at: START + 20_000, failures: 0 });
  });
});

describe('a guest that was out of sight', () => {
  /** Paused on its way to standby and awake again. */
  function abandoned(): Driver {
    const driver = running();
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
    const driver = running();
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
    const driver = running({ failure_threshold: 1 });
    driver.send(20_000, command);
    const { revision } = health(driver);
    expect(probe(driver, 20_001, 'failed', { revision }).accepted).toBe(false);
    expect(probe(driver, 20_002, 'passed', { revision }).accepted).toBe(false);
    expect(driver.facts('health.changed')).toEqual([]);
  });
});

describe('a probe that could not be made', () => {
  it('neither breaks a streak nor adds to it, and is not recorded', () => {
    const driver = running();
    probe(driver, 11_000, 'failed');
    const window = { run: 1, revision: 0 };
    const step = driver.send(12_000, { type: 'probe.unavailable', window, error: 'no agent' });
    expect([step.accepted, health(driver).failures]).toEqual([false, 1]);
    probe(driver, 13_000, 'failed');
    expect(verdicts(driver)).toEqual(['unhealthy']);
  });

  it('takes no verdict back: a guest that was unhealthy before is restarted when its time has come', () => {
    const driver = running({ failure_threshold: 1, start_period_ms: 0 }, { backoff_ms: 60_000 });
    probe(driver, 1_000, 'failed');
    comeBack(driver, 2_000);
    probe(driver, 3_000, 'failed');
    driver.send(4_000, { type: 'probe.unavailable', window: { run: 2, revision: 0 }, error: 'no agent' });
    driver.until(61_000);
    expect(driver.lifecycle()).toBe('stopping');
  });
});

describe('what asks for a restart', () => {
  it('is the verdict, once: neither further failures nor successes below the threshold ask again', () => {
    const driver = running({ success_threshold: 3 }, { max_attempts: 1 });
    probe(driver, 11_000, 'failed');
    probe(driver, 12_000, 'failed');
    comeBack(driver, 13_000);
    probe(driver, 30_000, 'failed');
    probe(driver, 31_000, 'failed');
    expect(driver.facts('restart.blocked')).toHaveLength(1);
    for (const at of [32_000, 33_000]) probe(driver, at, 'failed');
    for (const at of [34_000, 35_000]) probe(driver, at, 'passed');
    expect(driver.region('health')).toBe('unhealthy');
    expect(driver.facts('restart.blocked')).toHaveLength(1);
    expect(driver.facts('restart.attempted')).toHaveLength(1);
  });

  it('a reason belongs to its restart: once the guest is ready again it is gone', () => {
    const driver = running();
    probe(driver, 11_000, 'failed');
    probe(driver, 12_000, 'failed');
    expect(driver.restart()).toMatchObject({ last_reason: 'health_check_failed' });
    comeBack(driver, 13_000);
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 12_000 });
    driver.send(14_000, exited(2, 0));
    expect(driver.lifecycle()).toBe('stopped');
  });

  it('the end of a restart for health is never taken for a clean end of the guest', () => {
    const driver = running();
    probe(driver, 11_000, 'failed');
    probe(driver, 12_000, 'failed');
    driver.send(13_000, exited(1, 0));
    expect(driver.lifecycle()).toBe('booting');
  });

  it('since when a guest is unhealthy is known while it is, and forgotten with the verdict', () => {
    const driver = running({}, { max_attempts: 1, backoff_ms: 100_000 });
    probe(driver, 11_000, 'failed');
    probe(driver, 12_000, 'failed');
    comeBack(driver, 13_000);
    expect(health(driver).unhealthy_since).toBeNull();
    probe(driver, 30_000, 'failed');
    probe(driver, 31_000, 'failed');
    probe(driver, 32_000, 'failed');
    expect(health(driver).unhealthy_since).toBe(START + 31_000);
    probe(driver, 33_000, 'passed');
    expect(health(driver).unhealthy_since).toBeNull();
  });
});

describe('a window of restarts', () => {
  const STABLE = { stable_after_ms: 60_000, max_attempts: 1 };

  /** Restarted after an end at 1 s and up again at 2 s. */
  function restarted(check: Partial<HealthCheck>): Driver {
    const driver = running(check, STABLE);
    driver.send(1_000, exited(1, 1));
    bootUp(driver, 2_000);
    return driver;
  }

  it('does not close on a guest that is unhealthy, however long it runs', () => {
    const driver = restarted({ start_period_ms: 0, failure_threshold: 1 });
    probe(driver, 10_000, 'failed');
    expect(driver.restart()).toMatchObject({ blocked_reason: 'max_attempts_exceeded' });
    driver.until(86_400_000);
    expect(driver.restart()).toMatchObject({ attempts: 1, blocked_reason: 'max_attempts_exceeded' });
    expect(driver.lifecycle()).toBe('running');
  });

  it('begins its stable time when the guest is healthy again, and closes at its end', () => {
    const driver = restarted({ start_period_ms: 0, failure_threshold: 1 });
    probe(driver, 10_000, 'failed');
    probe(driver, 100_000, 'passed');
    driver.until(159_999);
    expect(driver.restart()).toMatchObject({ attempts: 1 });
    driver.until(160_000);
    expect(driver.restart()).toEqual({});
  });

  it('closes on a guest whose check has not said anything yet', () => {
    const driver = restarted({ start_period_ms: 500_000 });
    driver.until(62_000);
    expect(driver.restart()).toEqual({});
  });

  it('does not close in a start period in which every probe fails, so the check that never passes is blocked', () => {
    const driver = restarted({ start_period_ms: 100_000 });
    for (let at = 5_000; at < 101_000; at += 5_000) probe(driver, at, 'failed');
    expect(driver.region('restart')).toBe('probation');
    probe(driver, 101_000, 'failed');
    expect(driver.restart()).toMatchObject({ attempts: 1, blocked_reason: 'max_attempts_exceeded' });
  });

  it('does not close between the end of the start period and the probe that makes it unhealthy', () => {
    const driver = restarted({ start_period_ms: 60_500 });
    for (let at = 5_000; at < 60_000; at += 5_000) probe(driver, at, 'failed');
    driver.until(62_500);
    expect(driver.restart()).toMatchObject({ attempts: 1 });
  });

  it('closes although a probe fails now and then', () => {
    const driver = restarted({ start_period_ms: 0 });
    probe(driver, 30_000, 'passed');
    probe(driver, 61_000, 'failed');
    driver.until(62_000);
    expect(driver.restart()).toEqual({});
  });
});
