import { describe, expect, it } from 'vitest';
import { ALWAYS, definition, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, failed } from './driver.ts';

const expiring = (then: 'stop' | 'delete', atMs: number) =>
  definition({ restart_policy: ALWAYS, expiry: { expires_at: START + atMs, then } });

function running(then: 'stop' | 'delete', atMs = 10_000): Driver {
  const driver = drive(expiring(then, atMs));
  bootUp(driver, 0);
  return driver;
}

describe('expiry', () => {
  it('stops a running instance at its instant, and no policy brings it back', () => {
    const driver = running('stop');
    driver.until(9_999);
    expect(driver.lifecycle()).toBe('running');
    driver.until(10_000);
    expect(driver.lifecycle()).toBe('stopping');
    driver.send(11_000, exited(1, 1));
    driver.until(86_400_000);
    expect(driver.lifecycle()).toBe('stopped');
    expect(driver.effects('vmm.boot')).toHaveLength(1);
  });

  it('deletes when that was asked for, once the run has ended', () => {
    const driver = running('delete');
    driver.until(10_000);
    expect(driver.effects('instance.remove')).toEqual([]);
    driver.send(11_000, exited(1, 0));
    expect(driver.lifecycle()).toBe('deleting');
    driver.send(11_500, done('instance.remove', 1));
    expect(driver.lifecycle()).toBe('deleted');
  });

  it('a deletion by expiry is not taken back by a start', () => {
    const driver = running('delete');
    driver.until(10_000);
    expect(driver.send(10_500, { type: 'start', by: 'ann' }).accepted).toBe(false);
    expect(driver.send(10_600, { type: 'stop', by: 'ann' }).accepted).toBe(true);
    driver.send(11_000, exited(1, 0));
    expect(driver.lifecycle()).toBe('deleting');
  });

  it.each(['stop', 'delete'] as const)('in a backoff ends the waiting: %s', (then) => {
    const driver = running(then, 5_000);
    driver.send(1_000, exited(1, 1));
    driver.send(1_100, failed('vmm.boot', 2));
    expect(driver.region('restart')).toBe('backoff');
    driver.until(86_400_000);
    expect(driver.effects('vmm.boot')).toHaveLength(2);
    expect(driver.lifecycle()).toBe(then === 'stop' ? 'failed' : 'deleting');
  });

  it('at the very instant of a due attempt keeps the attempt away', () => {
    const driver = running('stop', 8_000);
    driver.send(1_000, exited(1, 1));
    driver.send(1_100, failed('vmm.boot', 2));
    expect(driver.pending()['timer.backoff']).toBe(8_000);
    driver.until(8_000);
    expect(driver.region('restart')).toBe('idle');
    expect(driver.effects('vmm.boot')).toHaveLength(2);
  });

  it('is heard while a restart is stopping the guest: no boot follows', () => {
    const driver = running('stop');
    driver.send(9_000, { type: 'restart', by: 'ann' });
    driver.until(10_000);
    driver.send(10_500, exited(1, 0));
    expect(driver.lifecycle()).toBe('stopped');
  });

  it.each([
    ['stop', 'stopped'],
    ['delete', 'deleting'],
  ] as const)('during preparation: %s', (then, state) => {
    const driver = drive(expiring(then, 5_000));
    driver.until(5_000);
    if (then === 'stop') driver.send(6_000, done('instance.prepare', 0));
    expect(driver.lifecycle()).toBe(state);
    expect(driver.effects('vmm.boot')).toEqual([]);
  });

  it('drops the snapshot of a sleeper', () => {
    const driver = running('stop');
    driver.send(1_000, { type: 'standby', by: 'ann' });
    driver.send(1_100, done('vmm.pause', 1));
    driver.send(1_200, done('vmm.snapshot', 1));
    driver.send(1_300, exited(1, null));
    expect(driver.lifecycle()).toBe('standby');
    driver.until(10_000);
    expect(driver.lifecycle()).toBe('stopped');
    expect(driver.effects('snapshot.drop')).toHaveLength(1);
  });

  it('a user may still start what has expired, but nothing automatic follows', () => {
    const driver = running('stop');
    driver.until(10_000);
    driver.send(11_000, exited(1, 0));
    driver.send(12_000, { type: 'start', by: 'ann' });
    driver.send(13_000, failed('vmm.boot', 2));
    driver.until(86_400_000);
    expect(driver.effects('vmm.boot')).toHaveLength(2);
  });

  it('moved to later or removed, the old instant no longer counts', () => {
    const driver = running('stop');
    driver.send(5_000, {
      type: 'update',
      by: 'ann',
      changes: { expiry: { expires_at: START + 60_000, then: 'stop' } },
    });
    driver.until(59_999);
    expect(driver.lifecycle()).toBe('running');
    driver.send(59_999, { type: 'update', by: 'ann', changes: { expiry: null } });
    driver.until(86_400_000);
    expect(driver.lifecycle()).toBe('running');
  });
});
