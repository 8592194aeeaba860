import { describe, expect, it } from 'vitest';
import type { Purpose } from '../../machines/events.ts';
import { phaseOf, publicStateOf } from '../../machines/public-states.ts';
import { CHECK, definition, ON_FAILURE, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited } from './driver.ts';

/** Automatic starts ask the host for room first. These hosts answer only when the test does. */

const by = 'ann';
const granted = (run: number, purpose: Purpose = 'restart_policy') => ({ type: 'host.granted', run, purpose }) as const;
const held = (run: number, retryAtMs: number, purpose: Purpose = 'restart_policy') =>
  ({ type: 'host.held', run, purpose, reason: 'memory', retry_at: START + retryAtMs }) as const;

function running(parts: Parameters<typeof definition>[0] = { restart_policy: ON_FAILURE }): Driver {
  const driver = drive(definition(parts), 'running', 0, 'silent');
  bootUp(driver, 0);
  return driver;
}

function ended(): Driver {
  const driver = running();
  driver.send(1_000, exited(1, 1));
  return driver;
}

function unhealthy(): Driver {
  const driver = running({ restart_policy: ON_FAILURE, health_check: CHECK });
  const window = { run: 1, revision: 0 };
  for (const at of [20_000, 20_001]) driver.send(at, { type: 'probe.failed', window, error: 'refused' });
  return driver;
}

const shown = (driver: Driver) => {
  const { value } = driver.snapshot();
  return [publicStateOf(value), phaseOf(value)];
};

describe('an automatic start', () => {
  it('asks the host, and is an attempt only once it is granted', () => {
    const driver = ended();
    expect(driver.effects('host.admit')).toMatchObject([{ run: 1, purpose: 'restart_policy', at: 1_000 }]);
    expect(driver.restart()).toEqual({});
    driver.send(1_001, granted(1));
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 1_001 });
    expect(driver.effects('vmm.boot')).toMatchObject([{ run: 1 }, { run: 2 }]);
  });

  it('that is held shows so, with the instant at which it asks again', () => {
    const driver = ended();
    driver.send(1_001, held(1, 61_000));
    expect(shown(driver)).toEqual(['Stopped', 'held']);
    expect(driver.restart()).toEqual({ next_attempt_at: 61_000 });
    driver.until(61_000);
    expect(driver.effects('host.admit')).toHaveLength(2);
    driver.send(61_001, granted(1));
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 61_001 });
  });

  it('that is held may be let go at any time', () => {
    const driver = ended();
    driver.send(1_001, held(1, 61_000));
    driver.send(5_000, granted(1));
    expect(driver.lifecycle()).toBe('booting');
    expect(driver.pending()['timer.admission_retry']).toBeUndefined();
  });

  it('that is not answered asks again', () => {
    const driver = ended();
    driver.until(31_000);
    expect(driver.effects('host.admit')).toHaveLength(2);
  });

  it('asks again after the daemon has died before the answer was recorded', () => {
    const driver = ended();
    driver.send(2_000, { type: 'vmm.found', run: 1, found: { reality: 'none' } });
    expect(driver.effects('host.admit')).toHaveLength(2);
  });

  it('does not ask again when it was held already: its timer does', () => {
    const driver = ended();
    driver.send(1_001, held(1, 61_000));
    expect(driver.send(2_000, { type: 'vmm.found', run: 1, found: { reality: 'none' } }).accepted).toBe(false);
  });

  it('takes no answer to another question', () => {
    const driver = ended();
    expect(driver.send(1_001, granted(2)).accepted).toBe(false);
    expect(driver.send(1_002, granted(1, 'health')).accepted).toBe(false);
    expect(driver.send(1_003, held(1, 9_000, 'host_reboot')).accepted).toBe(false);
  });

  it('a grant that comes too late is worth nothing', () => {
    const driver = ended();
    driver.send(1_001, { type: 'stop', by });
    expect(driver.send(1_002, granted(1)).accepted).toBe(false);
    expect(driver.effects('vmm.boot')).toHaveLength(1);
  });

  it('that expires at the instant of its grant does not happen', () => {
    const driver = running({ restart_policy: ON_FAILURE, expiry: { expires_at: START + 2_000, then: 'stop' } });
    driver.send(1_000, exited(1, 1));
    driver.send(1_500, held(1, 9_000));
    const step = driver.send(2_000, granted(1));
    expect([step.effects, driver.lifecycle()]).toEqual([[], 'failed']);
  });
});

describe('what ends the waiting for room, as it ends a backoff', () => {
  it.each([
    ['stop', { type: 'stop', by }, 'suppressed'],
    ['ignore', { type: 'ignore', by }, 'idle'],
    ['delete', { type: 'delete', by }, 'suppressed'],
    ['a policy of never', { type: 'update', by, changes: { restart_policy: null } }, 'idle'],
    ['maintenance', { type: 'host.mode_changed', mode: 'maintenance' }, 'idle'],
    ['quarantine', { type: 'instance.quarantined', error: 'a rule threw' }, 'idle'],
  ] as const)('%s', (_what, event, region) => {
    for (const answer of [null, held(1, 61_000)]) {
      const driver = ended();
      if (answer !== null) driver.send(1_001, answer);
      driver.send(2_000, event);
      expect(driver.region('restart')).toBe(region);
      expect(driver.snapshot().context.admission).toBeNull();
      expect(driver.restart()).not.toHaveProperty('next_attempt_at');
      expect(Object.keys(driver.pending()).filter((name) => name.includes('admission'))).toEqual([]);
      expect(driver.effects('vmm.boot')).toHaveLength(1);
    }
  });

  it('a start boots at once and waits for nobody', () => {
    const driver = ended();
    driver.send(1_001, held(1, 61_000));
    driver.send(2_000, { type: 'start', by });
    expect(driver.facts('instance.boot_requested')).toMatchObject([{ cause: 'create' }, { cause: 'start' }]);
    expect(driver.snapshot().context.admission).toBeNull();
  });

  it('a new policy that still allows it asks anew', () => {
    const driver = ended();
    driver.send(1_001, held(1, 61_000));
    driver.send(2_000, { type: 'update', by, changes: { restart_policy: { ...ON_FAILURE, max_attempts: 1 } } });
    expect(driver.effects('host.admit')).toHaveLength(2);
    expect(driver.region('restart')).toBe('admission');
  });
});

describe('a restart of an unhealthy guest', () => {
  it('asks while the guest runs on, and stops it only when granted', () => {
    const driver = unhealthy();
    expect(driver.effects('host.admit')).toMatchObject([{ run: 1, purpose: 'health' }]);
    driver.send(20_002, held(1, 90_000, 'health'));
    expect(shown(driver)).toEqual(['Running', 'running']);
    driver.send(30_000, granted(1, 'health'));
    expect(driver.facts('instance.stop_requested')).toMatchObject([{ cause: 'health' }]);
    expect(driver.restart()).toMatchObject({ attempts: 1, last_reason: 'health_check_failed' });
  });

  it('is not needed any more when the guest gets well', () => {
    const driver = unhealthy();
    driver.send(20_002, held(1, 90_000, 'health'));
    driver.send(25_000, { type: 'probe.passed', window: { run: 1, revision: 0 } });
    expect(driver.region('restart')).toBe('idle');
    expect(driver.send(26_000, granted(1, 'health')).accepted).toBe(false);
  });

  it('becomes an ordinary one when the guest ends by itself', () => {
    const driver = unhealthy();
    driver.send(21_000, exited(1, 1));
    expect(driver.effects('host.admit')).toMatchObject([{ purpose: 'health' }, { purpose: 'restart_policy' }]);
    expect(driver.send(21_001, granted(1, 'health')).accepted).toBe(false);
    driver.send(21_002, granted(1));
    expect(driver.lifecycle()).toBe('booting');
  });

  it('asks again after the daemon has died before the answer was recorded', () => {
    const driver = unhealthy();
    driver.send(21_000, { type: 'vmm.found', run: 1, found: { reality: 'running', ready: true } });
    expect(driver.effects('host.admit')).toHaveLength(2);
  });
});

describe('coming back after a host reboot', () => {
  const rebooted = (driver: Driver, atMs: number) =>
    driver.send(atMs, { ...exited(1, null), reason: 'host_reboot' } as never);

  it('asks with its own purpose, and is no attempt when it is granted', () => {
    const driver = running();
    rebooted(driver, 1_000);
    expect(driver.effects('host.admit')).toMatchObject([{ purpose: 'host_reboot' }]);
    driver.send(1_001, granted(1, 'host_reboot'));
    expect(driver.facts('instance.boot_requested')).toMatchObject([{ cause: 'create' }, { cause: 'host_reboot' }]);
    expect(driver.restart()).toEqual({});
  });

  it('leaves the attempts as they were', () => {
    const driver = ended();
    driver.send(1_001, granted(1));
    driver.send(1_100, done('vmm.boot', 2));
    driver.send(2_000, { ...exited(2, null), reason: 'host_reboot' } as never);
    driver.send(2_001, granted(2, 'host_reboot'));
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 1_001 });
  });

  it.each([
    ['policy never', { restart_policy: null }, null],
    ['stopped', { restart_policy: ON_FAILURE }, { type: 'stop', by }],
    ['ignored', { restart_policy: ON_FAILURE }, { type: 'ignore', by }],
  ] as const)('does not happen: %s', (_why, parts, before) => {
    const driver = running(parts);
    if (before !== null) driver.send(500, before);
    rebooted(driver, 1_000);
    driver.until(86_400_000);
    expect(driver.effects('host.admit')).toEqual([]);
    expect(driver.effects('vmm.boot')).toHaveLength(1);
  });

  it('does not happen to a guest that was left running with its budget used up', () => {
    const exhausted = running({ restart_policy: { ...ON_FAILURE, max_attempts: 1 }, health_check: CHECK });
    exhausted.send(1_000, exited(1, 1));
    exhausted.send(1_001, granted(1));
    bootUp(exhausted, 1_002);
    const window = { run: 2, revision: 0 };
    for (const at of [20_000, 20_001]) exhausted.send(at, { type: 'probe.failed', window, error: 'refused' });
    expect([exhausted.lifecycle(), exhausted.region('restart')]).toEqual(['running', 'exhausted']);
    exhausted.send(30_000, { ...exited(2, null), reason: 'host_reboot' } as never);
    expect([exhausted.lifecycle(), exhausted.region('restart')]).toEqual(['failed', 'exhausted']);
    expect(exhausted.effects('vmm.boot')).toHaveLength(2);
  });
});
