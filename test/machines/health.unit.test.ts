import { describe, expect, it } from 'vitest';
import { CHECK, definition, ON_FAILURE } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited } from './driver.ts';
import { comeBack, probe } from './probing.ts';

/** Check: start period 10 s, two failures make unhealthy, one success makes healthy. Backoff 7 s, two attempts. */

function running(max_attempts = 2): Driver {
  const driver = drive(definition({ restart_policy: { ...ON_FAILURE, max_attempts }, health_check: CHECK }));
  bootUp(driver, 0);
  return driver;
}

describe('the verdict', () => {
  it('failures in the start period count towards the streak but do not make unhealthy', () => {
    const driver = running();
    for (const at of [0, 5_000, 9_999]) probe(driver, at, 'failed');
    expect(driver.region('health')).toBe('starting');
    expect(driver.snapshot().context.health.failures).toBe(2);
    probe(driver, 10_000, 'failed');
    expect(driver.facts('health.changed')).toMatchObject([{ from: 'starting', to: 'unhealthy', at: 10_000 }]);
  });

  it('a success in the start period makes healthy, and later failures inside it do not take that back', () => {
    const driver = running();
    probe(driver, 1_000, 'passed');
    for (const at of [2_000, 3_000, 4_000]) probe(driver, at, 'failed');
    expect(driver.region('health')).toBe('healthy');
  });

  it('a success breaks a streak', () => {
    const driver = running();
    probe(driver, 11_000, 'passed');
    probe(driver, 12_000, 'failed');
    probe(driver, 13_000, 'passed');
    probe(driver, 14_000, 'failed');
    expect(driver.region('health')).toBe('healthy');
  });

  it('a steady guest changes nothing, healthy or not', () => {
    const driver = running();
    expect(probe(driver, 11_000, 'passed').accepted).toBe(true);
    expect(probe(driver, 12_000, 'passed').accepted).toBe(false);
    expect(probe(driver, 13_000, 'failed').accepted).toBe(true);
  });

  it('results of another run or of an older check change nothing', () => {
    const driver = running();
    expect(probe(driver, 11_000, 'failed', { run: 2 }).accepted).toBe(false);
    driver.send(12_000, { type: 'update', by: 'ann', changes: { health_check: { ...CHECK, failure_threshold: 1 } } });
    expect(probe(driver, 23_000, 'failed', { revision: 0 }).accepted).toBe(false);
    probe(driver, 23_000, 'failed');
    expect(driver.facts('health.changed').at(-1)).toMatchObject({ to: 'unhealthy', at: 23_000 });
  });

  it('shows only in running', () => {
    const driver = running();
    probe(driver, 1_000, 'passed');
    driver.send(2_000, { type: 'stop', by: 'ann' });
    expect(driver.region('health')).toBe('unknown');
  });

  it('a probe that could not be made says nothing', () => {
    const driver = running();
    const window = { run: 1, revision: 0 };
    expect(driver.send(20_000, { type: 'probe.unavailable', window, error: 'no agent' }).accepted).toBe(false);
  });
});

describe('restarts for health', () => {
  it('a verdict restarts; the budget used up, the guest is left running unhealthy and blocked', () => {
    const driver = running(1);
    probe(driver, 5_000, 'failed');
    probe(driver, 10_000, 'failed');
    expect(driver.lifecycle()).toBe('stopping');
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 10_000, last_reason: 'health_check_failed' });
    comeBack(driver, 11_000);
    probe(driver, 15_000, 'failed');
    probe(driver, 21_000, 'failed');
    expect(driver.lifecycle()).toBe('running');
    expect(driver.region('health')).toBe('unhealthy');
    expect(driver.restart()).toMatchObject({ attempts: 1, blocked_reason: 'max_attempts_exceeded' });
    driver.until(86_400_000);
    expect(driver.effects('vmm.boot')).toHaveLength(2);
  });

  function inBackoff(): Driver {
    const driver = drive(
      definition({
        restart_policy: { ...ON_FAILURE, backoff_ms: 60_000 },
        health_check: { ...CHECK, failure_threshold: 1, start_period_ms: 0 },
      }),
    );
    bootUp(driver, 0);
    probe(driver, 1_000, 'failed');
    comeBack(driver, 2_000);
    probe(driver, 3_000, 'failed');
    expect(driver.restart()).toMatchObject({ attempts: 1, next_attempt_at: 61_000 });
    return driver;
  }

  it('in the backoff it waits, and becoming healthy cancels', () => {
    const driver = inBackoff();
    probe(driver, 4_000, 'passed');
    driver.until(100_000);
    expect(driver.effects('vmm.boot')).toHaveLength(2);
    expect(driver.region('restart')).toBe('probation');
  });

  it('still unhealthy when the backoff ends, it is restarted', () => {
    const driver = inBackoff();
    driver.until(61_000);
    expect(driver.lifecycle()).toBe('stopping');
    expect(driver.restart()).toMatchObject({ attempts: 2, last_attempt_at: 61_000 });
  });

  it('a clean end in that backoff is not restarted under on_failure', () => {
    const driver = inBackoff();
    driver.send(10_000, exited(2, 0));
    driver.until(86_400_000);
    expect(driver.lifecycle()).toBe('stopped');
    expect(driver.effects('vmm.boot')).toHaveLength(2);
  });

  it('a failing end in that backoff waits for the same instant', () => {
    const driver = inBackoff();
    driver.send(10_000, exited(2, 1));
    expect(driver.pending()).toEqual({ 'timer.backoff': 61_000 });
    driver.until(61_000);
    expect(driver.lifecycle()).toBe('booting');
  });

  it('another check, or none, makes the old verdict void', () => {
    const driver = inBackoff();
    driver.send(4_000, { type: 'update', by: 'ann', changes: { health_check: null } });
    driver.until(86_400_000);
    expect(driver.effects('vmm.boot')).toHaveLength(2);
  });

  it.each([
    ['a new restart policy', { type: 'update', by: 'ann', changes: { restart_policy: ON_FAILURE } }],
    ['a start', { type: 'start', by: 'ann' }],
  ] as const)('%s judges a guest that is unhealthy right now anew', (_what, command) => {
    const driver = inBackoff();
    driver.send(4_000, command);
    expect(driver.restart()).toMatchObject({ attempts: 1, last_attempt_at: 4_000 });
    expect(driver.lifecycle()).toBe('stopping');
  });

  it('a stop while it is being restarted for its health is final', () => {
    const driver = running();
    probe(driver, 5_000, 'failed');
    probe(driver, 10_000, 'failed');
    driver.send(10_500, { type: 'stop', by: 'ann' });
    driver.send(11_000, exited(1, 0));
    driver.until(86_400_000);
    expect(driver.lifecycle()).toBe('stopped');
    expect(driver.restart()).toEqual({ blocked_reason: 'manual_stop' });
  });

  it('no verdict is made while the guest is paused or gone', () => {
    const driver = running();
    driver.send(20_000, { type: 'standby', by: 'ann' });
    expect(probe(driver, 21_000, 'failed').accepted).toBe(false);
    driver.send(22_000, done('vmm.pause', 1));
    expect(probe(driver, 23_000, 'failed').accepted).toBe(false);
  });
});
