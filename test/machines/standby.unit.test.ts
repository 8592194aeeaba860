import { describe, expect, it } from 'vitest';
import { definition, SLEEPY, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, failed } from './driver.ts';
import { leafOf } from './exploration.ts';

/** Idle timeout: 30 s. */
const by = 'ann';
const leaf = (driver: Driver): string => leafOf(driver.snapshot());
const active = { type: 'traffic.active', run: 1, connections: 1 } as const;
const confirmed = { type: 'traffic.confirmed_idle', run: 1 } as const;

function idle(): Driver {
  const driver = drive(definition({ auto_standby: SLEEPY }));
  bootUp(driver, 0);
  driver.send(0, { type: 'traffic.idle', run: 1 });
  return driver;
}

function pausing(): Driver {
  const driver = idle();
  driver.until(30_000);
  driver.send(30_100, confirmed);
  expect(leaf(driver)).toBe('pausing.freezing');
  return driver;
}

function asleep(): Driver {
  const driver = pausing();
  driver.send(30_200, done('vmm.pause', 1));
  driver.send(30_300, confirmed);
  driver.send(30_400, done('vmm.snapshot', 1));
  driver.send(30_450, confirmed);
  driver.send(30_500, exited(1, null));
  expect(leaf(driver)).toBe('standby.sleeping');
  return driver;
}

describe('going to sleep by itself', () => {
  it('the table is read after the idle timeout, while the guest is paused, and before its VMM is ended', () => {
    const driver = asleep();
    expect(driver.effects('traffic.confirm').map(({ at }) => at)).toEqual([30_000, 30_200, 30_400]);
    expect(driver.facts('standby.entered')).toMatchObject([{ run: 1, snapshot: 'run-1' }]);
  });

  it('a late answer to an earlier reading does not put a running guest away', () => {
    const driver = pausing();
    driver.send(30_150, confirmed);
    expect(leaf(driver)).toBe('pausing.freezing');
  });

  it.each([
    ['traffic', active],
    ['a table that cannot be read', { type: 'traffic.unconfirmed', run: 1, error: 'x' }],
    ['a lost observer', { type: 'observer.lost', error: 'overrun' }],
    ['a policy taken away', { type: 'update', by, changes: { auto_standby: { enabled: false } } }],
    ['a start', { type: 'start', by }],
    ['a pause that fails', failed('vmm.pause', 1)],
  ] as const)('%s while it is being paused wakes it', (_what, event) => {
    const driver = pausing();
    driver.send(30_200, event);
    expect(leaf(driver)).toBe('resuming');
    driver.send(30_300, done('vmm.pause', 1));
    driver.send(30_400, done('vmm.resume', 1));
    expect(leaf(driver)).toBe('running');
    expect(driver.effects('vmm.snapshot')).toEqual([]);
  });

  it('traffic ends the countdown, a failed reading starts it anew', () => {
    const driver = idle();
    driver.send(29_000, active);
    expect(driver.pending()).toEqual({});
    driver.send(40_000, { type: 'traffic.idle', run: 1 });
    driver.until(70_000);
    driver.send(70_100, { type: 'traffic.unconfirmed', run: 1, error: 'x' });
    expect(driver.pending()).toEqual({ 'timer.idle': 100_100 });
  });

  it('a hold moves the instant, and outlasts a moment in which the guest is lost', () => {
    const driver = idle();
    driver.send(1_000, { type: 'hold', by, until: START + 90_000 });
    expect(driver.pending()).toEqual({ 'timer.idle': 90_000 });
    driver.send(2_000, { type: 'vmm.found', run: 1, found: { reality: 'unreachable', message: '' } });
    driver.send(3_000, { type: 'vmm.found', run: 1, found: { reality: 'running', ready: true } });
    driver.send(4_000, { type: 'traffic.idle', run: 1 });
    expect(driver.pending()).toEqual({ 'timer.idle': 90_000 });
  });

  it('with a lost observer nothing is counted down, not even under a new policy', () => {
    const driver = idle();
    driver.send(1_000, { type: 'observer.lost', error: 'overrun' });
    driver.send(2_000, { type: 'update', by, changes: { auto_standby: { ...SLEEPY, idle_timeout_ms: 1 } } });
    expect(driver.send(3_000, { type: 'traffic.idle', run: 1 }).accepted).toBe(false);
    expect([driver.region('standby'), driver.pending()]).toEqual(['blind', {}]);
    driver.send(4_000, { type: 'observer.restored' });
    expect(driver.region('standby')).toBe('active');
  });
});

describe('going to sleep by hand', () => {
  it('ignores connections', () => {
    const driver = idle();
    driver.send(1_000, active);
    driver.send(2_000, { type: 'standby', by });
    driver.send(2_100, done('vmm.pause', 1));
    expect(leaf(driver)).toBe('snapshotting');
    driver.send(2_200, active);
    expect(leaf(driver)).toBe('snapshotting');
  });

  it('a snapshot that fails wakes the guest', () => {
    const driver = idle();
    driver.send(2_000, { type: 'standby', by });
    driver.send(2_100, done('vmm.pause', 1));
    driver.send(2_200, failed('vmm.snapshot', 1));
    expect(leaf(driver)).toBe('resuming');
  });

  it('once its memory is saved a stop drops the snapshot', () => {
    const driver = idle();
    driver.send(2_000, { type: 'standby', by });
    driver.send(2_100, done('vmm.pause', 1));
    driver.send(2_200, done('vmm.snapshot', 1));
    driver.send(2_400, { type: 'stop', by });
    driver.send(2_500, exited(1, null));
    expect([leaf(driver), driver.effects('snapshot.drop').length]).toEqual(['stopped', 1]);
  });

  it('a stop while it is paused lets it go first, so that it hears the power button', () => {
    const driver = idle();
    driver.send(2_000, { type: 'standby', by });
    driver.send(2_100, done('vmm.pause', 1));
    const { effects } = driver.send(2_200, { type: 'stop', by });
    expect(effects.map(({ kind }) => kind)).toEqual(['effect.withdraw', 'vmm.resume', 'vmm.shutdown']);
  });
});

describe('waking up', () => {
  it('takes up the snapshot in a new run and lets go of it once the guest runs', () => {
    const driver = asleep();
    driver.send(60_000, { type: 'restore', by });
    expect(driver.effects('vmm.restore')).toMatchObject([{ run: 2, snapshot: 'run-1' }]);
    driver.send(60_100, done('vmm.restore', 2));
    expect(driver.effects('guest.set_clock')).toMatchObject([{ run: 2 }]);
    driver.send(60_200, { ...done('guest.set_clock', 2), drift_ms: 29_700 } as never);
    expect([leaf(driver), driver.snapshot().context.snapshot]).toEqual(['running', null]);
    expect(driver.facts('guest.clock_set')).toMatchObject([{ run: 2, drift_ms: 29_700 }]);
    driver.send(61_000, { type: 'standby', by });
    driver.send(61_100, done('vmm.pause', 2));
    expect(driver.effects('vmm.snapshot').at(-1)).toMatchObject({ run: 2, snapshot: 'run-2' });
  });

  it('a restore that certainly failed leaves it asleep, and it can be tried again', () => {
    const driver = asleep();
    driver.send(60_000, { type: 'restore', by });
    driver.send(60_100, failed('vmm.restore', 2));
    expect(leaf(driver)).toBe('standby.sleeping');
    driver.send(61_000, { type: 'restore', by });
    expect(driver.effects('vmm.restore').at(-1)).toMatchObject({ run: 3, snapshot: 'run-1' });
  });

  it('nothing automatic wakes a sleeper', () => {
    const driver = asleep();
    driver.until(86_400_000);
    expect([leaf(driver), driver.effects('vmm.boot').length]).toEqual(['standby.sleeping', 1]);
  });
});
