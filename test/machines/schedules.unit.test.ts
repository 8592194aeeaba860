import { describe, expect, it } from 'vitest';
import { SNAPSHOT_LATE_MS } from '../../machines/schedule-actions.ts';
import { scheduledName } from '../../machines/snapshot-actions.ts';
import { definition, SLEEPY, START } from './definitions.ts';
import { type Driver, done, drive, exited } from './driver.ts';
import { asleep, by, CRON, causes, due, leaf, MINUTE, running, SCHEDULES } from './scheduled-guest.ts';

/** What a guest does by schedule: sleep, wake, have a snapshot taken of it, and not sleep for too long. */

const confirmed = { type: 'traffic.confirmed_idle', run: 1 } as const;

describe('standby by schedule', () => {
  it('waits for no idle timeout, and for an empty table all the same, read three times', () => {
    const driver = running();
    driver.send(5_000, due('standby', 1));
    driver.send(5_100, confirmed);
    driver.send(5_200, done('vmm.pause', 1));
    driver.send(5_300, confirmed);
    driver.send(5_400, done('vmm.snapshot', 1));
    driver.send(5_500, confirmed);
    driver.send(5_600, exited(1, null));
    expect([leaf(driver), driver.snapshot().context.standby.request]).toEqual(['standby.sleeping', 'schedule']);
    expect(driver.facts('standby.requested')).toMatchObject([{ cause: 'schedule' }]);
  });

  it.each([
    ['traffic', { type: 'traffic.active', run: 1, connections: 1 }, 'traffic'],
    ['a hold', { type: 'hold', by, until: START + 90_000 }, 'hold'],
    ['a table that cannot be read', { type: 'traffic.unconfirmed', run: 1, error: 'x' }, 'unconfirmed'],
    ['a lost observer', { type: 'observer.lost', error: 'overrun' }, 'observer lost'],
    ['maintenance', { type: 'host.mode_changed', mode: 'maintenance' }, 'maintenance'],
  ] as const)('%s ends it, whether the guest is paused or not, and the minute is over', (_what, event, cause) => {
    for (const paused of [false, true]) {
      const driver = running();
      driver.send(5_000, due('standby', 1));
      if (paused) for (const step of [confirmed, done('vmm.pause', 1)]) driver.send(5_100, step);
      driver.send(5_200, event);
      expect([leaf(driver), causes(driver)]).toEqual([paused ? 'resuming' : 'running', [cause]]);
      expect(driver.pending()['timer.idle']).toBeUndefined();
    }
  });

  it.each([
    ['held awake', (driver: Driver) => driver.send(2_000, { type: 'hold', by, until: START + 90_000 }), 'hold'],
    ['not watched', (driver: Driver) => driver.send(2_000, { type: 'observer.lost', error: 'x' }), 'observer lost'],
    [
      'without a policy',
      (driver: Driver) => driver.send(2_000, { type: 'update', by, changes: { auto_standby: null } }),
      'no policy',
    ],
    [
      'in maintenance',
      (driver: Driver) => driver.send(2_000, { type: 'host.mode_changed', mode: 'maintenance' }),
      'maintenance',
    ],
    ['stopped', (driver: Driver) => driver.send(2_000, { type: 'stop', by }), 'not running'],
  ] as const)('does nothing to a guest that is %s, and says so', (_what, first, cause) => {
    const driver = running();
    first(driver);
    driver.send(5_000, due('standby', 1));
    expect([causes(driver), driver.effects('host.admit')]).toEqual([[cause], []]);
  });

  it('a minute is heard once, and none that is older than one that was', () => {
    const driver = running();
    driver.send(5_000, { type: 'hold', by, until: START + 90_000 });
    expect(driver.send(5_000, due('standby', 2)).accepted).toBe(true);
    for (const minute of [2, 1]) expect(driver.send(6_000, due('standby', minute)).accepted).toBe(false);
    expect(driver.send(7_000, due('wake', 2)).accepted).toBe(true);
    driver.send(8_000, { type: 'update', by, changes: { schedules: { wake: CRON } } });
    expect(driver.send(9_000, due('standby', 3)).accepted).toBe(false);
  });
});

describe('waking by schedule', () => {
  it('asks the host for room, and says when it has none', () => {
    const driver = asleep({}, 'silent');
    driver.send(5_000, due('wake', 1));
    expect(driver.effects('host.admit')).toMatchObject([{ run: 1, purpose: 'wake' }]);
    driver.send(5_100, { type: 'host.held', run: 1, purpose: 'wake', reason: 'memory', retry_at: START + 90_000 });
    expect(driver.snapshot().context.admission).toMatchObject({ purpose: 'wake', reason: 'memory' });
    driver.until(90_000);
    expect(driver.effects('host.admit')).toHaveLength(2);
    driver.send(90_100, { type: 'host.granted', run: 1, purpose: 'wake' });
    expect([leaf(driver), driver.snapshot().context.admission]).toEqual(['restoring.taking_up', null]);
  });

  it('wakes nobody that was not wanted up, nor in maintenance, and says so', () => {
    const fork = drive(definition({ schedules: SCHEDULES }), 'stopped', 0, 'generous', {
      instance: 'x',
      snapshot: 'kept',
    });
    fork.send(0, done('instance.prepare', 0));
    fork.send(0, done('snapshot.fork', 0));
    fork.send(5_000, due('wake', 1));
    expect([leaf(fork), causes(fork)]).toEqual(['standby.sleeping', ['not wanted']]);
    const driver = asleep();
    driver.send(2_000, { type: 'host.mode_changed', mode: 'draining' });
    driver.send(5_000, due('wake', 1));
    expect([leaf(driver), causes(driver)]).toEqual(['standby.sleeping', ['draining']]);
  });

  it.each([
    ['a stop', { type: 'stop', by }, 'stopped', 'stop'],
    ['the minute of standby', due('standby', 2), 'standby.sleeping', 'schedule.due'],
    ['maintenance', { type: 'host.mode_changed', mode: 'maintenance' }, 'standby.sleeping', 'maintenance'],
    ['an operator who wants it asleep', { type: 'standby', by }, 'standby.sleeping', 'standby'],
  ] as const)('%s ends a wake that waits for the host', (_what, event, where, cause) => {
    const driver = asleep({}, 'silent');
    driver.send(5_000, due('wake', 1));
    driver.send(6_000, event);
    expect([leaf(driver), causes(driver), driver.snapshot().context.admission]).toEqual([where, [cause], null]);
    expect(driver.send(7_000, { type: 'host.granted', run: 1, purpose: 'wake' }).accepted).toBe(false);
  });

  it('a daemon that was killed meanwhile asks the host again', () => {
    const driver = asleep({}, 'silent');
    driver.send(5_000, due('wake', 1));
    driver.send(5_100, { type: 'vmm.found', run: 1, found: { reality: 'none' } });
    expect(driver.effects('host.admit')).toHaveLength(2);
  });
});

describe('snapshots by schedule', () => {
  it('are named after their minute, and the oldest ones go when there are more than are kept', () => {
    const driver = running();
    for (const minute of [1, 2, 3]) {
      driver.send(minute * MINUTE, due('snapshot', minute));
      for (const kind of ['vmm.pause', 'vmm.snapshot', 'vmm.resume'] as const)
        driver.send(minute * MINUTE, done(kind, 1));
    }
    const kept = driver.snapshot().context.snapshots.map(({ name, by: whose }) => [name, whose]);
    expect(kept).toEqual([
      ['scheduled-20260101-1202', 'schedule'],
      ['scheduled-20260101-1203', 'schedule'],
    ]);
    expect(driver.facts('snapshot.deleted')).toMatchObject([{ name: 'scheduled-20260101-1201' }]);
  });

  it('names are those of the minute in UTC', () => {
    expect(scheduledName(Date.UTC(2028, 1, 29, 0, 5))).toBe('scheduled-20280229-0005');
  });

  it('of a sleeper are copies, and one at a time', () => {
    const driver = asleep();
    driver.send(MINUTE, due('snapshot', 1));
    driver.send(2 * MINUTE, due('snapshot', 2));
    expect([leaf(driver), causes(driver)]).toEqual(['standby.copying', ['state']]);
  });
});

describe('a minute that is left out', () => {
  it.each([
    ['snapshot', running],
    ['snapshot', asleep],
    ['standby', running],
    ['wake', asleep],
  ] as const)('for %s: nothing comes of it, it is said why, and it is heard', (schedule, at) => {
    for (const [left_out, cause] of [
      ['missed', 'missed'],
      ['disk', 'no room on disk'],
    ] as const) {
      const driver = at();
      const before = leaf(driver);
      const step = driver.send(MINUTE, { ...due(schedule, 1), left_out });
      expect([leaf(driver), causes(driver), step.effects]).toEqual([before, [cause], []]);
      expect(driver.send(MINUTE, due(schedule, 1)).accepted).toBe(false);
    }
  });
});

describe('a snapshot whose turn comes late', () => {
  it.each([
    ['awake', running],
    ['asleep', asleep],
  ] as const)(
    'is taken up to a quarter of an hour after its minute, and then no more, of a guest that is %s',
    (_what, at) => {
      const late = at();
      late.send(MINUTE + SNAPSHOT_LATE_MS, due('snapshot', 1));
      expect([causes(late), late.snapshot().context.snapshot_work]).toEqual([['no turn'], null]);
      const inTime = at();
      inTime.send(MINUTE + SNAPSHOT_LATE_MS - 1, due('snapshot', 1));
      expect([causes(inTime), inTime.snapshot().context.snapshot_work]).toMatchObject([[], { by: 'schedule' }]);
    },
  );
});

describe('sleeping for too long', () => {
  const limited = (then: 'stop' | 'delete') => ({
    auto_standby: { ...SLEEPY, max_asleep: { after_ms: 3_600_000, then } },
  });

  it.each([
    ['stop', 'stopped'],
    ['delete', 'deleting'],
  ] as const)('is followed by what the policy says: %s', (then, where) => {
    const driver = asleep(limited(then));
    driver.until(3_600_999);
    expect(leaf(driver)).toBe('standby.sleeping');
    driver.until(3_601_000);
    expect([leaf(driver), driver.facts('standby.asleep_too_long')]).toMatchObject([where, [{ then }]]);
    expect(driver.effects('snapshot.drop')).toMatchObject([{ snapshot: 'run-1' }]);
    driver.until(86_400_000);
    expect(driver.effects('vmm.boot')).toHaveLength(1);
  });

  it('after an operator has stopped it, or woken it, nothing comes of it', () => {
    for (const type of ['stop', 'restore'] as const) {
      const driver = asleep(limited('delete'));
      driver.send(5_000, { type, by });
      expect([type, driver.pending()['timer.max_asleep']]).toEqual([type, undefined]);
    }
  });

  it('a restore that fails does not move the instant, another policy does', () => {
    const driver = asleep(limited('stop'));
    driver.send(5_000, { type: 'restore', by });
    driver.send(6_000, { ...exited(2, null), reason: 'boot_failed' } as never);
    expect(driver.pending()).toEqual({ 'timer.max_asleep': 3_601_000 });
    const longer = { ...SLEEPY, max_asleep: { after_ms: 7_200_000, then: 'stop' } } as const;
    driver.send(7_000, { type: 'update', by, changes: { auto_standby: longer } });
    expect(driver.pending()).toEqual({ 'timer.max_asleep': 7_201_000 });
    driver.send(8_000, { type: 'update', by, changes: { auto_standby: { enabled: false } } });
    expect(driver.pending()).toEqual({});
  });

  it.each([
    ['wakes', { type: 'restore', by }, [done('vmm.restore', 2), done('guest.set_clock', 2)]],
    ['is brought back', { type: 'restore_snapshot', by, name: 'kept', then: 'standby' }, []],
  ] as const)('is not counted while it %s, whatever becomes of its policy meanwhile', (_what, command, events) => {
    const driver = running({ schedules: null });
    driver.send(500, { type: 'create_snapshot', by, name: 'kept' });
    for (const kind of ['vmm.pause', 'vmm.snapshot', 'vmm.resume'] as const) driver.send(500, done(kind, 1));
    driver.send(1_000, { type: 'standby', by });
    for (const event of [done('vmm.pause', 1), done('vmm.snapshot', 1), exited(1, null)]) driver.send(1_000, event);
    driver.send(5_000, command);
    driver.send(5_100, { type: 'update', by, changes: { auto_standby: limited('delete').auto_standby } });
    expect(driver.pending()['timer.max_asleep']).toBeUndefined();
    for (const event of events) driver.send(5_200, event);
    if (events.length > 0) {
      expect([leaf(driver), driver.region('standby')]).toEqual(['running', 'active']);
      return;
    }
    driver.send(9_000, done('snapshot.copy', 1));
    expect([leaf(driver), driver.pending()['timer.max_asleep']]).toEqual(['standby.sleeping', 3_609_000]);
  });

  it('in maintenance waits, and is decided when the host is back to normal', () => {
    const driver = asleep(limited('stop'));
    driver.send(5_000, { type: 'host.mode_changed', mode: 'maintenance' });
    driver.until(3_700_000);
    expect([leaf(driver), driver.region('standby')]).toEqual(['standby.sleeping', 'asleep_held']);
    driver.send(3_800_000, { type: 'host.mode_changed', mode: 'normal' });
    driver.until(3_800_000);
    expect(leaf(driver)).toBe('stopped');
  });
});
