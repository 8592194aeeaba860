import { describe, expect, it } from 'vitest';
import { ALWAYS, definition, ON_FAILURE } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, failed, ready } from './driver.ts';

/** Worked timelines of the restart policy: offsets in milliseconds; backoff 7 s, two attempts, stable after 10 min. */

const MAX = 'max_attempts_exceeded';

/** Running at 0, and the guest exits with 1. */
function firstExit(policy = ON_FAILURE): Driver {
  const driver = drive(definition({ restart_policy: policy }));
  bootUp(driver, 0);
  driver.send(0, exited(1, 1));
  return driver;
}

describe('the budget of restarts', () => {
  it('the first attempt is made at once, the next not before the backoff has passed since its start, then it blocks', () => {
    const driver = firstExit();
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 0 });
    expect(driver.lifecycle()).toBe('booting');
    bootUp(driver, 500);
    driver.send(1_500, exited(2, 1));
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 0, next_attempt_at: 7_000 });
    driver.until(6_999);
    expect(driver.lifecycle()).toBe('failed');
    driver.until(7_000);
    expect(driver.restart()).toEqual({ attempts: 2, last_attempt_at: 7_000 });
    bootUp(driver, 7_500);
    driver.send(8_500, exited(3, 1));
    expect(driver.restart()).toEqual({ attempts: 2, last_attempt_at: 7_000, blocked_reason: MAX });
    driver.until(3_600_000);
    expect(driver.effects('vmm.boot')).toHaveLength(3);
    driver.send(3_600_000, { type: 'start', by: 'ann' });
    expect(driver.restart()).toEqual({});
    expect(driver.lifecycle()).toBe('booting');
  });

  it('a run that outlived the backoff is followed by the next attempt at once', () => {
    const driver = firstExit();
    bootUp(driver, 500);
    driver.send(9_000, exited(2, 1));
    expect(driver.restart()).toEqual({ attempts: 2, last_attempt_at: 9_000 });
  });

  it('a boot that fails is a failure: the next attempt waits, and the last one blocks at once', () => {
    const driver = firstExit();
    driver.send(100, failed('vmm.boot', 2));
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 0, next_attempt_at: 7_000 });
    driver.until(7_000);
    driver.send(7_100, failed('vmm.boot', 3));
    expect(driver.restart()).toEqual({ attempts: 2, last_attempt_at: 7_000, blocked_reason: MAX });
  });

  it('without a limit it never blocks', () => {
    const driver = firstExit(ALWAYS);
    for (let attempt = 1; attempt <= 30; attempt += 1) {
      driver.send(7_000 * attempt - 1, failed('vmm.boot', attempt + 1));
      expect(driver.restart()).toMatchObject({ attempts: attempt, next_attempt_at: 7_000 * attempt });
      driver.until(7_000 * attempt);
    }
  });

  it('a boot that takes longer than its timeout is withdrawn and counts as a failure', () => {
    const driver = drive(definition({ restart_policy: ON_FAILURE }));
    driver.send(0, done('instance.prepare', 0));
    driver.until(60_000);
    expect(driver.effects('effect.withdraw')).toHaveLength(1);
    driver.send(61_000, { type: 'effect.withdrawn', effect: 'test/1/0', kind: 'vmm.boot', run: 1 });
    expect(driver.snapshot().context.run.number).toBe(2);
    expect(driver.facts('instance.ended')[0]).toMatchObject({ reason: 'boot_timeout', code: null });
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 61_000 });
  });
});

describe('which ends are restarted', () => {
  it.each([
    ['on_failure', 0, 'stopped'],
    ['on_failure', 1, 'booting'],
    ['on_failure', 137, 'booting'],
    ['on_failure', null, 'booting'],
    ['always', 0, 'booting'],
    ['always', 1, 'booting'],
  ] as const)('%s, exit code %s: %s', (policy, code, state) => {
    const driver = drive(definition({ restart_policy: { ...ON_FAILURE, policy } }));
    bootUp(driver, 0);
    driver.send(1_000, exited(1, code));
    expect(driver.lifecycle()).toBe(state);
  });

  it.each([0, 1, null])('without a policy exit code %s starts nothing', (code) => {
    const driver = drive(definition());
    bootUp(driver, 0);
    driver.send(1_000, exited(1, code));
    driver.until(86_400_000);
    expect(driver.effects('vmm.boot')).toHaveLength(1);
  });

  it('coming back after a host reboot is not an attempt, not even with the budget used up', () => {
    const driver = firstExit({ ...ON_FAILURE, max_attempts: 1 });
    bootUp(driver, 500);
    driver.send(10_000, {
      type: 'vmm.exited',
      run: 2,
      reason: 'host_reboot',
      code: null,
      message: null,
      ended_at: null,
    });
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 0 });
    expect(driver.facts('instance.boot_requested').at(-1)).toMatchObject({ run: 3, cause: 'host_reboot' });
  });
});

describe('the window of failures', () => {
  it('closes after stable_after of running, counted from readiness', () => {
    const driver = firstExit();
    bootUp(driver, 5_000);
    driver.until(604_999);
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 0 });
    driver.until(605_000);
    expect(driver.restart()).toEqual({});
  });

  it('time in booting does not count', () => {
    const driver = firstExit({ ...ON_FAILURE, stable_after_ms: 30_000 });
    driver.until(59_000);
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 0 });
  });

  it('an end within it is judged with the attempts made', () => {
    const driver = firstExit();
    bootUp(driver, 500);
    driver.send(599_000, exited(2, 1));
    expect(driver.restart()).toEqual({ attempts: 2, last_attempt_at: 599_000 });
  });

  it('a new policy opens a new window, and a due restart happens at once', () => {
    const driver = firstExit();
    bootUp(driver, 500);
    driver.send(1_500, exited(2, 1));
    expect(driver.region('restart')).toBe('backoff');
    driver.send(2_000, {
      type: 'update',
      by: 'ann',
      changes: { restart_policy: { ...ON_FAILURE, backoff_ms: 9_000 } },
    });
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 2_000 });
    expect(driver.lifecycle()).toBe('booting');
  });

  it('taking the policy away in a backoff leaves the instance down', () => {
    const driver = firstExit();
    driver.send(100, failed('vmm.boot', 2));
    driver.send(200, { type: 'update', by: 'ann', changes: { restart_policy: null } });
    driver.until(86_400_000);
    expect(driver.lifecycle()).toBe('failed');
    expect(driver.restart()).toEqual({});
  });

  it('an update of something else leaves a backoff as it is', () => {
    const driver = firstExit();
    driver.send(100, failed('vmm.boot', 2));
    driver.send(200, { type: 'update', by: 'ann', changes: { expiry: null } });
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 0, next_attempt_at: 7_000 });
  });
});

describe('intent is stronger than policy', () => {
  it('a stop in a backoff is the end of it', () => {
    const driver = firstExit(ALWAYS);
    driver.send(100, failed('vmm.boot', 2));
    driver.send(200, { type: 'stop', by: 'ann' });
    expect(driver.restart()).toEqual({ blocked_reason: 'manual_stop' });
    driver.until(86_400_000);
    expect(driver.effects('vmm.boot')).toHaveLength(2);
  });

  it('a stop while a restart boots waits for the one result of the boot and ends there', () => {
    const driver = firstExit(ALWAYS);
    driver.send(100, { type: 'stop', by: 'ann' });
    expect(driver.effects('effect.withdraw').at(-1)).toMatchObject({ run: 2, at: 100 });
    driver.send(200, { type: 'effect.withdrawn', effect: 'test/1/0', kind: 'vmm.boot', run: 2 });
    expect(driver.lifecycle()).toBe('stopped');
    driver.until(86_400_000);
    expect(driver.effects('vmm.boot')).toHaveLength(2);
  });

  it('a policy given to a stopped instance does not start it', () => {
    const driver = drive(definition());
    bootUp(driver, 0);
    driver.send(1_000, { type: 'stop', by: 'ann' });
    driver.send(2_000, exited(1, null));
    driver.send(3_000, { type: 'update', by: 'ann', changes: { restart_policy: ALWAYS } });
    expect(driver.lifecycle()).toBe('stopped');
    expect(driver.restart()).toEqual({ blocked_reason: 'manual_stop' });
  });

  it('an instance created stopped stays so under any policy', () => {
    const driver = drive(definition({ restart_policy: ALWAYS }), 'stopped');
    driver.send(0, done('instance.prepare', 0));
    driver.until(86_400_000);
    expect(driver.lifecycle()).toBe('stopped');
  });

  it('a start in a backoff boots at once in a new window', () => {
    const driver = firstExit();
    driver.send(100, failed('vmm.boot', 2));
    driver.send(200, { type: 'start', by: 'ann' });
    expect(driver.restart()).toEqual({});
    expect(driver.pending()).toEqual({ 'timer.boot_deadline': 60_200 });
  });

  it('the result of a boot that arrives after the end of its run starts nothing and changes nothing', () => {
    const driver = firstExit();
    driver.send(10, failed('vmm.boot', 2));
    expect(driver.send(20, done('vmm.boot', 2)).accepted).toBe(false);
    expect(driver.send(20, ready(2)).accepted).toBe(false);
    expect(driver.send(20, exited(2, 0)).accepted).toBe(false);
  });
});
