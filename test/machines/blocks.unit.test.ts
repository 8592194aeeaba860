import { describe, expect, it } from 'vitest';
import { ALWAYS, CHECK, definition, ON_FAILURE } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited } from './driver.ts';
import { comeBack, probe } from './probing.ts';

/** What keeps an instance down, or from being restarted again, and what lifts that. Offsets in milliseconds. */

const by = 'ann';
const DAY = 86_400_000;

/** One attempt was made for its health and did not help: it runs, unhealthy, and nothing more will be done. */
function blocked(): Driver {
  const driver = drive(
    definition({
      restart_policy: { ...ON_FAILURE, max_attempts: 1 },
      health_check: { ...CHECK, failure_threshold: 1, start_period_ms: 0 },
    }),
  );
  bootUp(driver, 0);
  probe(driver, 1_000, 'failed');
  comeBack(driver, 2_000);
  probe(driver, 3_000, 'failed');
  expect(driver.restart()).toMatchObject({ blocked_reason: 'max_attempts_exceeded' });
  return driver;
}

describe('a block', () => {
  it('of a guest that runs unhealthy is lifted by a start, although there is nothing to start', () => {
    const driver = blocked();
    driver.send(4_000, { type: 'start', by });
    expect(driver.restart()).not.toHaveProperty('blocked_reason');
    expect(driver.facts('restart.reset').at(-1)).toMatchObject({ cause: 'command' });
  });

  it('stays for as long as the guest is unhealthy, and its budget stays used up', () => {
    const driver = blocked();
    driver.until(DAY);
    expect(driver.restart()).toMatchObject({ attempts: 1, blocked_reason: 'max_attempts_exceeded' });
    expect(driver.effects('vmm.boot')).toHaveLength(2);
  });
});

describe('an instance that was created stopped', () => {
  it('has not failed: no policy that it is given starts it', () => {
    const driver = drive(definition(), 'stopped');
    driver.send(0, done('instance.prepare', 0));
    driver.send(1_000, { type: 'update', by, changes: { restart_policy: ALWAYS } });
    driver.until(DAY);
    expect(driver.lifecycle()).toBe('stopped');
    expect(driver.effects('vmm.boot')).toEqual([]);
    expect(driver.effects('host.admit')).toEqual([]);
  });
});

describe('a restore', () => {
  it('brings the memory of the guest back and nothing of the window of restarts that it had then', () => {
    const driver = drive(definition({ restart_policy: ON_FAILURE }));
    bootUp(driver, 0);
    driver.send(1_000, exited(1, 1));
    bootUp(driver, 2_000);
    driver.send(3_000, { type: 'standby', by });
    driver.send(3_000, done('vmm.pause', 2));
    driver.send(3_000, done('vmm.snapshot', 2));
    driver.send(3_000, exited(2, null));
    expect(driver.restart()).toMatchObject({ attempts: 1 });
    driver.send(4_000, { type: 'update', by, changes: { restart_policy: { ...ON_FAILURE, backoff_ms: 9_000 } } });
    driver.send(5_000, { type: 'restore', by });
    driver.send(5_000, done('vmm.restore', 3));
    expect(driver.restart()).toEqual({});
    driver.send(6_000, exited(3, 1));
    expect(driver.restart()).toMatchObject({ attempts: 1, last_attempt_at: 6_000 });
  });
});
