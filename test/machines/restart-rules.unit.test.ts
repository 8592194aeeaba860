import { describe, expect, it } from 'vitest';
import { ATTEMPT_DETAIL_MAX_CHARS, RESTART_HISTORY_MAX } from '../../machines/context.ts';
import type { RestartPolicy } from '../../machines/policies.ts';
import { definition, ON_FAILURE, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, failed } from './driver.ts';

/** What a restart policy may say beyond mode, backoff and budget. Offsets in milliseconds; backoff 7 s. */

const GROWING: RestartPolicy = { ...ON_FAILURE, max_attempts: 0, backoff_max_ms: 20_000 };

function running(policy: RestartPolicy): Driver {
  const driver = drive(definition({ restart_policy: policy }));
  bootUp(driver, 0);
  return driver;
}

/** Ends as soon as it is up, as often as told; the instants at which runs were asked for. */
function crashLoop(driver: Driver, crashes: number): number[] {
  for (let crash = 0; crash < crashes; crash += 1) {
    const { run } = driver.snapshot().context;
    const at = driver.effects('vmm.boot').at(-1)!.at;
    bootUp(driver, at);
    driver.send(at + 1_000, exited(run.number, 1));
    const due = driver.pending()['timer.backoff'];
    if (due !== undefined) driver.until(due);
  }
  return driver.effects('vmm.boot').map(({ at }) => at);
}

describe('delays that are not fixed', () => {
  it('the first attempt is made at once; each later one waits from the end of the run on, longer and longer', () => {
    const boots = crashLoop(running(GROWING), 5);
    // Ends at 1, 2, 10, 25 and 46 s; delays 0, 7, 14, 20 and 20 s.
    expect(boots).toEqual([0, 1_000, 9_000, 24_000, 45_000, 66_000]);
  });

  it('a run that outlived the delay is followed after it all the same', () => {
    const driver = running(GROWING);
    driver.send(0, exited(1, 1));
    bootUp(driver, 0);
    driver.send(60_000, exited(2, 1));
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 0, next_attempt_at: 67_000 });
  });

  it('a list of delays is followed, and its last one repeats', () => {
    const boots = crashLoop(running({ ...ON_FAILURE, max_attempts: 0, delays_ms: [3_000, 500] }), 5);
    expect(boots).toEqual([0, 1_000, 5_000, 6_500, 8_000, 9_500]);
  });

  it('an end that is told late counts from when it happened', () => {
    const driver = running(GROWING);
    driver.send(0, exited(1, 1));
    bootUp(driver, 0);
    driver.send(30_000, { ...exited(2, 1), ended_at: START + 26_000 } as never);
    expect(driver.restart()).toMatchObject({ next_attempt_at: 33_000 });
  });

  it('an end dated into the future makes nobody wait longer', () => {
    const driver = running(GROWING);
    driver.send(0, exited(1, 1));
    bootUp(driver, 0);
    driver.send(30_000, { ...exited(2, 1), ended_at: START + 90_000 } as never);
    expect(driver.restart()).toMatchObject({ next_attempt_at: 37_000 });
  });

  it('jitter moves the attempt, and the record says to which instant', () => {
    const driver = running({ ...ON_FAILURE, max_attempts: 0, jitter: 0.5 });
    crashLoop(driver, 1);
    bootUp(driver, 1_000);
    driver.send(2_000, exited(2, 1));
    const [scheduled] = driver.facts('restart.scheduled') as readonly { due: number }[];
    const delay = scheduled!.due - START - 2_000;
    expect(delay).toBeGreaterThanOrEqual(3_500);
    expect(delay).toBeLessThanOrEqual(10_500);
    expect(delay).not.toBe(7_000);
    expect(driver.pending()['timer.backoff']).toBe(2_000 + delay);
  });

  it('a growing delay begins anew with each window', () => {
    const driver = running(GROWING);
    crashLoop(driver, 3);
    const at = driver.effects('vmm.boot').at(-1)!.at;
    driver.send(at, { type: 'start', by: 'ann' });
    bootUp(driver, at);
    driver.send(at + 1_000, exited(4, 1));
    bootUp(driver, at + 1_000);
    driver.send(at + 2_000, exited(5, 1));
    expect(driver.pending()['timer.backoff']).toBe(at + 9_000);
  });

  it('the budget blocks with the failure that finds it used up, whatever the delay would be', () => {
    const driver = running({ ...GROWING, max_attempts: 2 });
    crashLoop(driver, 3);
    expect(driver.restart()).toMatchObject({ attempts: 2, blocked_reason: 'max_attempts_exceeded' });
    expect(driver.restart()).not.toHaveProperty('next_attempt_at');
  });
});

describe('rules about exit codes', () => {
  const CODES = { restart: [0, 75], never: [64, 75] };
  it.each([
    ['on_failure', 0, 'booting', 'a clean end that the rule names is restarted'],
    ['on_failure', 1, 'booting', 'a failure without a rule is restarted as ever'],
    ['on_failure', 64, 'failed', 'a code that is never to be restarted is not'],
    ['always', 64, 'failed', 'not under always either'],
    ['always', 75, 'failed', 'never wins over restart'],
    ['always', 3, 'booting', 'always is always, without a rule'],
    ['on_failure', null, 'booting', 'no rule fits an unknown code'],
  ] as const)('%s, code %s: %s; %s', (policy, code, state, _rule) => {
    const driver = running({ ...ON_FAILURE, policy, exit_codes: CODES });
    driver.send(1_000, exited(1, code));
    expect(driver.lifecycle()).toBe(state);
  });

  it('a clean end without a rule for it stays down under on_failure', () => {
    const driver = running({ ...ON_FAILURE, exit_codes: { restart: [1] } });
    driver.send(1_000, exited(1, 0));
    expect(driver.lifecycle()).toBe('stopped');
  });

  it('an end that is never to be restarted is not when maintenance is over either', () => {
    const driver = running({ ...ON_FAILURE, exit_codes: { never: [64] } });
    driver.send(1_000, { type: 'host.mode_changed', mode: 'maintenance' });
    driver.send(2_000, exited(1, 64));
    driver.send(3_000, { type: 'host.mode_changed', mode: 'normal' });
    expect(driver.effects('vmm.boot')).toHaveLength(1);
  });

  it('such an end uses up nothing, and blocks nothing', () => {
    const driver = running({ ...ON_FAILURE, max_attempts: 1, exit_codes: { never: [64] } });
    driver.send(1_000, exited(1, 64));
    expect(driver.restart()).toEqual({});
  });
});

describe('the cause of each attempt', () => {
  it('is kept with it: how the run ended', () => {
    const driver = running(ON_FAILURE);
    driver.send(1_000, exited(1, 1));
    driver.send(1_500, failed('vmm.boot', 2));
    driver.until(8_000);
    expect(driver.snapshot().context.restart.history).toEqual([
      { attempt: 1, at: START + 1_000, cause: 'exit', detail: 'power_off, code 1' },
      { attempt: 2, at: START + 8_000, cause: 'exit', detail: 'boot_failed (no memory)' },
    ]);
  });

  it('outlives the window, so that it can still be asked for after a start', () => {
    const driver = running(ON_FAILURE);
    driver.send(1_000, exited(1, 1));
    driver.send(2_000, { type: 'start', by: 'ann' });
    expect(driver.restart()).toEqual({});
    expect(driver.snapshot().context.restart.history).toHaveLength(1);
  });

  it('only the latest are kept', () => {
    const driver = running({ ...ON_FAILURE, max_attempts: 0 });
    crashLoop(driver, RESTART_HISTORY_MAX + 3);
    const { history } = driver.snapshot().context.restart;
    expect(history.map(({ attempt }) => attempt)).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('a long message is cut, and never within a character', () => {
    const driver = running(ON_FAILURE);
    driver.send(1_000, { ...exited(1, 1), message: '😀'.repeat(ATTEMPT_DETAIL_MAX_CHARS) } as never);
    const [attempt] = driver.snapshot().context.restart.history;
    expect(attempt!.detail.length).toBe(ATTEMPT_DETAIL_MAX_CHARS - 1);
    expect(attempt!.detail.isWellFormed()).toBe(true);
  });

  it('an attempt that waits for the host has no cause yet: it has not been made', () => {
    const driver = drive(definition({ restart_policy: ON_FAILURE }), 'running', 0, 'silent');
    bootUp(driver, 0);
    driver.send(1_000, exited(1, 1));
    expect(driver.snapshot().context.restart).toMatchObject({ history: [], restarted_at: null });
    driver.send(2_000, { type: 'host.granted', run: 1, purpose: 'restart_policy' });
    expect(driver.snapshot().context.restart.history).toMatchObject([{ at: START + 2_000 }]);
  });

  it('coming back after a host reboot is an automatic restart, and no attempt', () => {
    const driver = running(ON_FAILURE);
    driver.send(5_000, { ...exited(1, null), reason: 'host_reboot' } as never);
    expect(driver.snapshot().context.restart).toMatchObject({ attempts: 0, history: [], restarted_at: START + 5_000 });
    driver.send(6_000, done('vmm.boot', 2));
  });
});
