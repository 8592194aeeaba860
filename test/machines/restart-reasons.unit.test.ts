import { describe, expect, it } from 'vitest';
import type { HealthCheck } from '../../machines/policies.ts';
import { pendingCause } from '../../machines/rules.ts';
import { CHECK, definition, ON_FAILURE, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, failed } from './driver.ts';
import { comeBack, probe, runningChecked } from './probing.ts';

/** What asks for a restart, how long its reason stands, and what time in running proves. Offsets in milliseconds. */

const by = 'ann';

const health = (driver: Driver) => driver.snapshot().context.health;

describe('what asks for a restart', () => {
  it('is the verdict, once: neither further failures nor successes below the threshold ask again', () => {
    const driver = runningChecked({ success_threshold: 3 }, { max_attempts: 1 });
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
    const driver = runningChecked();
    probe(driver, 11_000, 'failed');
    probe(driver, 12_000, 'failed');
    expect(driver.restart()).toMatchObject({ last_reason: 'health_check_failed' });
    comeBack(driver, 13_000);
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 12_000 });
    driver.send(14_000, exited(2, 0));
    expect(driver.lifecycle()).toBe('stopped');
  });

  it('a boot that fails in between is another attempt at the same restart, so the reason stays until one succeeds', () => {
    const driver = runningChecked();
    probe(driver, 11_000, 'failed');
    probe(driver, 12_000, 'failed');
    driver.send(13_000, exited(1, 0));
    driver.send(14_000, failed('vmm.boot', 2));
    expect(driver.restart()).toEqual({
      attempts: 1,
      last_attempt_at: 12_000,
      next_attempt_at: 19_000,
      last_reason: 'health_check_failed',
    });
    expect(pendingCause(driver.snapshot().context)).toBe('exit');
    driver.until(19_000);
    expect(driver.restart()).toMatchObject({ attempts: 2, last_reason: 'health_check_failed' });
    expect(driver.snapshot().context.restart.history.map(({ cause }) => cause)).toEqual(['health', 'exit']);
    bootUp(driver, 20_000);
    expect(driver.restart()).toEqual({ attempts: 2, last_attempt_at: 19_000 });
  });

  it('an end of the guest itself is no matter of its health any more', () => {
    const driver = runningChecked({ failure_threshold: 1, start_period_ms: 0 }, { backoff_ms: 60_000 });
    probe(driver, 1_000, 'failed');
    comeBack(driver, 2_000);
    probe(driver, 3_000, 'failed');
    driver.send(4_000, exited(2, 1));
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 1_000, next_attempt_at: 61_000 });
    driver.until(61_000);
    expect(driver.lifecycle()).toBe('booting');
  });

  it('an end while the host is asked is judged as an end', () => {
    const driver = drive(
      definition({ restart_policy: ON_FAILURE, health_check: { ...CHECK, failure_threshold: 1, start_period_ms: 0 } }),
      'running',
      0,
      'silent',
    );
    bootUp(driver, 0);
    probe(driver, 1_000, 'failed');
    expect(driver.restart()).toEqual({ last_reason: 'health_check_failed' });
    driver.send(2_000, exited(1, 1));
    expect([driver.restart(), driver.snapshot().context.admission?.purpose]).toEqual([{}, 'restart_policy']);
  });

  it('a host that goes down in the middle of it ends it', () => {
    const driver = runningChecked();
    probe(driver, 11_000, 'failed');
    probe(driver, 12_000, 'failed');
    driver.send(13_000, exited(1, 0));
    driver.send(14_000, { ...exited(2, null), reason: 'host_reboot' } as never);
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 12_000 });
  });

  it('the end of a restart for health is never taken for a clean end of the guest', () => {
    const driver = runningChecked();
    probe(driver, 11_000, 'failed');
    probe(driver, 12_000, 'failed');
    driver.send(13_000, exited(1, 0));
    expect(driver.lifecycle()).toBe('booting');
  });

  it('since when a guest is unhealthy is known while it is, and forgotten with the verdict', () => {
    const driver = runningChecked({}, { max_attempts: 1, backoff_ms: 100_000 });
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

describe('standby and restarts', () => {
  function sleepAndWake(driver: Driver, run: number, atMs: number): void {
    driver.send(atMs, { type: 'standby', by });
    driver.send(atMs, done('vmm.pause', run));
    driver.send(atMs, done('vmm.snapshot', run));
    driver.send(atMs, exited(run, null));
    driver.send(atMs + 50_000, { type: 'restore', by });
    driver.send(atMs + 50_000, done('vmm.restore', run + 1));
    driver.send(atMs + 50_000, done('guest.set_clock', run + 1));
  }

  it('a restart that is pending for health is void when the guest is put to sleep', () => {
    const driver = runningChecked({ failure_threshold: 1, start_period_ms: 0 }, { backoff_ms: 60_000 });
    probe(driver, 1_000, 'failed');
    comeBack(driver, 2_000);
    probe(driver, 3_000, 'failed');
    driver.send(4_000, { type: 'standby', by });
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 1_000 });
    driver.until(86_400_000);
    expect(driver.effects('vmm.boot')).toHaveLength(2);
  });

  it('attempts made before it are still to be proved after it: the stable time begins with the restore', () => {
    const driver = runningChecked({}, { stable_after_ms: 60_000 });
    driver.send(1_000, exited(1, 1));
    bootUp(driver, 2_000);
    sleepAndWake(driver, 2, 10_000);
    driver.until(119_999);
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 1_000 });
    driver.until(120_000);
    expect(driver.restart()).toEqual({});
  });
});

describe('a window of restarts', () => {
  const STABLE = { stable_after_ms: 60_000, max_attempts: 1 };

  /** Restarted after an end at 1 s and up again at 2 s. */
  function restarted(check: Partial<HealthCheck>): Driver {
    const driver = runningChecked(check, STABLE);
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

  it('closes on a guest whose check is gone, whatever that had counted', () => {
    const driver = restarted({ start_period_ms: 100_000, failure_threshold: 1 });
    probe(driver, 10_000, 'failed');
    driver.send(20_000, { type: 'update', by, changes: { health_check: null } });
    expect(driver.region('restart')).toBe('probation');
    driver.until(62_000);
    expect(driver.restart()).toEqual({});
  });

  it('begins its stable time when a guest that could not be restarted for its health loses the check', () => {
    const driver = restarted({ start_period_ms: 0, failure_threshold: 1 });
    driver.send(5_000, { type: 'host.mode_changed', mode: 'maintenance' });
    probe(driver, 10_000, 'failed');
    driver.send(20_000, { type: 'update', by, changes: { health_check: null } });
    driver.send(30_000, { type: 'host.mode_changed', mode: 'normal' });
    driver.until(79_999);
    expect(driver.restart()).toMatchObject({ attempts: 1 });
    driver.until(80_000);
    expect(driver.restart()).toEqual({});
  });

  it('closes although a probe fails now and then', () => {
    const driver = restarted({ start_period_ms: 0 });
    probe(driver, 30_000, 'passed');
    probe(driver, 61_000, 'failed');
    driver.until(62_000);
    expect(driver.restart()).toEqual({});
  });
});
