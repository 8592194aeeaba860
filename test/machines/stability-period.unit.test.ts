import { describe, expect, it } from 'vitest';
import type { RestartPolicy } from '../../machines/policies.ts';
import { CHECK, definition, ON_FAILURE, START } from './definitions.ts';
import { bootUp, type Driver, drive, exited } from './driver.ts';
import { comeBack, probe } from './probing.ts';

/**
 * A restart for health waits until the stability period after the last automatic restart is over, and is decided again
 * then. Offsets in milliseconds: period 90 s, backoff 7 s, two attempts, one failed probe makes unhealthy.
 */

const PERIOD_MS = 90_000;
const POLICY: RestartPolicy = { ...ON_FAILURE, stability_period_ms: PERIOD_MS };
const SENSITIVE = { ...CHECK, failure_threshold: 1, start_period_ms: 0 };

function running(policy: RestartPolicy = POLICY): Driver {
  const driver = drive(definition({ restart_policy: policy, health_check: SENSITIVE }));
  bootUp(driver, 0);
  return driver;
}

/** Restarted for its health at 1 s, up again at 2 s, and unhealthy again at 20 s. */
function gated(policy: RestartPolicy = POLICY): Driver {
  const driver = running(policy);
  probe(driver, 1_000, 'failed');
  comeBack(driver, 2_000);
  probe(driver, 20_000, 'failed');
  expect(driver.region('restart')).toBe('gated');
  return driver;
}

describe('a restart for health', () => {
  it('is made at once when there was no automatic restart before', () => {
    const driver = running();
    probe(driver, 1_000, 'failed');
    expect(driver.lifecycle()).toBe('stopping');
  });

  it('waits for the end of the period after the last one, in a timer of its own, and says so', () => {
    const driver = gated();
    expect(driver.pending()).toEqual({ 'timer.stability_period': 1_000 + PERIOD_MS });
    expect(driver.facts('restart.gated')).toMatchObject([{ attempt: 2, until: START + 1_000 + PERIOD_MS, at: 20_000 }]);
    expect(driver.restart()).toEqual({
      attempts: 1,
      last_attempt_at: 1_000,
      next_attempt_at: 91_000,
      last_reason: 'health_check_failed',
    });
  });

  it('still unhealthy at exactly its end, it is restarted', () => {
    const driver = gated();
    driver.until(90_999);
    expect(driver.lifecycle()).toBe('running');
    driver.until(91_000);
    expect(driver.lifecycle()).toBe('stopping');
    expect(driver.restart()).toMatchObject({ attempts: 2, last_attempt_at: 91_000 });
  });

  it('unhealthy only when the period is over, it is restarted at once', () => {
    const driver = running();
    probe(driver, 1_000, 'failed');
    comeBack(driver, 2_000);
    probe(driver, 91_000, 'failed');
    expect(driver.lifecycle()).toBe('stopping');
  });

  it('without a period nothing but the backoff holds it back', () => {
    const driver = running(ON_FAILURE);
    probe(driver, 1_000, 'failed');
    comeBack(driver, 2_000);
    probe(driver, 20_000, 'failed');
    expect(driver.lifecycle()).toBe('stopping');
  });

  it('also a restart after an end counts, and one after a host reboot', () => {
    for (const [reason, code] of [['power_off', 1] as const, ['host_reboot', null] as const]) {
      const driver = running();
      driver.send(5_000, { ...exited(1, code), reason } as never);
      bootUp(driver, 6_000);
      probe(driver, 20_000, 'failed');
      expect(driver.pending()).toMatchObject({ 'timer.stability_period': 5_000 + PERIOD_MS });
    }
  });

  it('a restart by hand does not count', () => {
    const driver = running();
    driver.send(5_000, { type: 'restart', by: 'ann' });
    comeBack(driver, 6_000);
    probe(driver, 20_000, 'failed');
    expect(driver.lifecycle()).toBe('stopping');
  });

  it('the period outlives the window: a stable guest that turns unhealthy still waits for its end', () => {
    const driver = running({ ...POLICY, stable_after_ms: 10_000 });
    probe(driver, 1_000, 'failed');
    comeBack(driver, 2_000);
    driver.until(12_000);
    expect(driver.restart()).toEqual({});
    probe(driver, 20_000, 'failed');
    expect(driver.pending()).toEqual({ 'timer.stability_period': 91_000 });
  });
});

describe('at the end of the period it is decided again', () => {
  it('a backoff that is longer holds on', () => {
    const driver = gated({ ...POLICY, backoff_ms: 200_000 });
    expect(driver.restart()).toMatchObject({ next_attempt_at: 201_000 });
    driver.until(91_000);
    expect(driver.pending()).toEqual({ 'timer.backoff': 201_000 });
    driver.until(201_000);
    expect(driver.lifecycle()).toBe('stopping');
  });

  it('a growing backoff counts from the verdict, not from the end of the period', () => {
    const driver = gated({ ...POLICY, backoff_ms: 80_000, backoff_max_ms: 500_000 });
    driver.until(91_000);
    expect(driver.pending()).toEqual({ 'timer.backoff': 100_000 });
  });

  it('a used-up budget does not wait for it: it blocks at once, and the guest is left running', () => {
    const driver = running({ ...POLICY, max_attempts: 1 });
    probe(driver, 1_000, 'failed');
    comeBack(driver, 2_000);
    probe(driver, 20_000, 'failed');
    expect(driver.restart()).toEqual({
      attempts: 1,
      last_attempt_at: 1_000,
      blocked_reason: 'max_attempts_exceeded',
      last_reason: 'health_check_failed',
    });
    expect(driver.lifecycle()).toBe('running');
  });

  it('the host is asked for room then, and not before', () => {
    const driver = drive(definition({ restart_policy: POLICY, health_check: SENSITIVE }), 'running', 0, 'silent');
    bootUp(driver, 0);
    probe(driver, 1_000, 'failed');
    driver.send(1_000, { type: 'host.granted', run: 1, purpose: 'health' });
    comeBack(driver, 2_000);
    probe(driver, 20_000, 'failed');
    expect(driver.effects('host.admit')).toHaveLength(1);
    driver.until(91_000);
    expect(driver.effects('host.admit').at(-1)).toMatchObject({ at: 91_000, purpose: 'health' });
  });
});

describe('what ends the wait before', () => {
  const nothingFollows = (driver: Driver): void => {
    expect(driver.pending()).not.toHaveProperty('timer.stability_period');
    driver.until(500_000);
    expect(driver.effects('vmm.boot')).toHaveLength(2);
  };

  it('healthy again', () => {
    const driver = gated();
    probe(driver, 30_000, 'passed');
    expect(driver.region('restart')).toBe('probation');
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 1_000 });
    nothingFollows(driver);
  });

  it.each(['stop', 'delete', 'ignore', 'standby'] as const)('a %s', (type) => {
    const driver = gated();
    driver.send(30_000, { type, by: 'ann' });
    nothingFollows(driver);
  });

  it('another health check, under which there is no verdict yet', () => {
    const driver = gated();
    driver.send(30_000, { type: 'update', by: 'ann', changes: { health_check: { ...SENSITIVE, interval_ms: 9_000 } } });
    nothingFollows(driver);
  });

  it('maintenance, after which the verdict is judged again and waits for the rest of the period', () => {
    const driver = gated();
    driver.send(30_000, { type: 'host.mode_changed', mode: 'maintenance' });
    expect(driver.pending()).toEqual({});
    driver.send(40_000, { type: 'host.mode_changed', mode: 'normal' });
    expect(driver.pending()).toEqual({ 'timer.stability_period': 91_000 });
  });

  it('the expiry', () => {
    const driver = gated();
    driver.send(30_000, {
      type: 'update',
      by: 'ann',
      changes: { expiry: { expires_at: START + 50_000, then: 'stop' } },
    });
    driver.until(50_000);
    nothingFollows(driver);
  });

  it('the end of the run, which is judged as an end', () => {
    const driver = gated();
    driver.send(30_000, exited(2, 1));
    expect(driver.restart()).toEqual({ attempts: 2, last_attempt_at: 30_000 });
    expect(driver.lifecycle()).toBe('booting');
  });

  it('a clean end, after which nothing follows under on_failure', () => {
    const driver = gated();
    driver.send(30_000, exited(2, 0));
    expect(driver.lifecycle()).toBe('stopped');
    nothingFollows(driver);
  });

  it('another restart policy: what it says of the period counts from now on', () => {
    const driver = gated();
    driver.send(30_000, {
      type: 'update',
      by: 'ann',
      changes: { restart_policy: { ...POLICY, stability_period_ms: 40_000 } },
    });
    expect(driver.pending()).toEqual({ 'timer.stability_period': 41_000 });
    driver.send(35_000, { type: 'update', by: 'ann', changes: { restart_policy: ON_FAILURE } });
    expect(driver.lifecycle()).toBe('stopping');
  });

  it('a start judges the guest anew, and the period still holds', () => {
    const driver = gated();
    driver.send(30_000, { type: 'start', by: 'ann' });
    expect(driver.restart()).toEqual({ next_attempt_at: 91_000, last_reason: 'health_check_failed' });
    driver.until(91_000);
    expect(driver.restart()).toMatchObject({ attempts: 1, last_attempt_at: 91_000 });
  });
});
