import { describe, expect, it } from 'vitest';
import { definition, SLEEPY, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, failed } from './driver.ts';
import { leafOf } from './exploration.ts';

/** What holds at every step into standby, whoever comes: the rows of docs/reference/defects.md that the chart answers for. */

/** Idle timeout: 30 s. */
const by = 'ann';
const leaf = (driver: Driver): string => leafOf(driver.snapshot());
const active = { type: 'traffic.active', run: 1, connections: 1 } as const;
const confirmed = { type: 'traffic.confirmed_idle', run: 1 } as const;
const unconfirmed = { type: 'traffic.unconfirmed', run: 1, error: 'x' } as const;
const lost = { type: 'observer.lost', error: 'overrun' } as const;
const found = (reality: 'paused' | 'unreachable') =>
  ({ type: 'vmm.found', run: 1, found: reality === 'paused' ? { reality } : { reality, message: '' } }) as const;
const hold = (untilMs: number) => ({ type: 'hold', by, until: START + untilMs }) as const;

/** Idle since 0 s. */
function idle(host: 'generous' | 'silent' = 'generous'): Driver {
  const driver = drive(definition({ auto_standby: SLEEPY }), 'running', 0, host);
  bootUp(driver, 0);
  driver.send(0, { type: 'traffic.idle', run: 1, since: START });
  return driver;
}

/** Each bar of the sequence, and how the one before comes to it. */
const STEPS = [
  ['confirming', null],
  ['pausing.freezing', confirmed],
  ['pausing.frozen', done('vmm.pause', 1)],
  ['snapshotting', confirmed],
  ['sealing', done('vmm.snapshot', 1)],
  ['no return', confirmed],
] as const;
type Bar = 'queued' | (typeof STEPS)[number][0];

/** All bars are reached by 30.4 s. */
function at(bar: Bar, driver = idle(bar === 'queued' ? 'silent' : 'generous')): Driver {
  driver.until(30_000);
  for (const [index, [name, event]] of STEPS.entries()) {
    if (bar === 'queued') break;
    if (event !== null) driver.send(30_000 + index * 50, event);
    if (name === bar) break;
  }
  return driver;
}

const AWAKE: Bar[] = ['queued', 'confirming'];
const PAUSED: Bar[] = ['pausing.freezing', 'pausing.frozen', 'snapshotting', 'sealing'];
const WHO_COMES = [
  ['a client', active],
  ['a hold', hold(90_000)],
  ['the loss of the observer', lost],
  ['an end of the policy', { type: 'update', by, changes: { auto_standby: { enabled: false } } }],
] as const;

describe('before the point of no return', () => {
  it.each(AWAKE.flatMap((bar) => WHO_COMES.map(([who, event]) => [who, bar, event] as const)))(
    '%s at %s calls it off: the guest runs on',
    (_who, bar, event) => {
      const driver = at(bar);
      driver.send(30_500, event);
      driver.send(30_600, confirmed);
      expect([driver.lifecycle(), driver.effects('vmm.pause')]).toEqual(['running', []]);
    },
  );

  it.each(PAUSED.flatMap((bar) => WHO_COMES.map(([who, event]) => [who, bar, event] as const)))(
    '%s at %s wakes the guest',
    (_who, bar, event) => {
      const driver = at(bar);
      expect(driver.send(30_500, event).accepted).toBe(true);
      driver.send(30_510, confirmed);
      driver.send(30_520, done('vmm.resume', 1));
      expect([driver.lifecycle(), driver.effects('vmm.kill')]).toEqual(['running', []]);
      expect(driver.facts('standby.entered')).toEqual([]);
    },
  );

  it.each<Bar>(['pausing.frozen', 'sealing'])('a table that cannot be read at %s wakes the guest', (bar) => {
    const driver = at(bar);
    driver.send(30_500, unconfirmed);
    expect([leaf(driver), driver.effects('vmm.kill')]).toEqual(['resuming', []]);
  });

  it('a hold while the table is read is heard when the answer comes, and counts', () => {
    const driver = at('confirming');
    driver.send(30_050, hold(90_000));
    driver.send(30_100, confirmed);
    expect([driver.lifecycle(), driver.pending()]).toEqual(['running', { 'timer.idle': 90_000 }]);
  });
});

describe('at the point of no return', () => {
  it('and after it a hold is refused and a client wakes nobody: the guest sleeps', () => {
    const driver = at('no return');
    expect(driver.send(30_500, hold(90_000)).accepted).toBe(false);
    driver.send(30_510, active);
    driver.send(30_600, exited(1, null));
    expect(leaf(driver)).toBe('standby.sleeping');
    expect(driver.send(31_000, hold(90_000)).accepted).toBe(false);
  });
});

describe('a hold', () => {
  it('is the last one, also when that is shorter', () => {
    const driver = idle();
    driver.send(1_000, hold(90_000));
    driver.send(2_000, hold(40_000));
    expect(driver.pending()).toEqual({ 'timer.idle': 40_000 });
    driver.send(3_000, hold(3_000));
    expect(driver.pending()).toEqual({ 'timer.idle': 30_000 });
  });

  it('that has come to its end does not shorten the idle time', () => {
    const driver = idle();
    driver.send(1_000, hold(10_000));
    driver.until(29_999);
    expect(driver.region('standby')).toBe('countdown');
  });
});

describe('a hold of a run', () => {
  it('ends with its run', () => {
    const driver = idle();
    driver.send(1_000, hold(90_000));
    driver.send(2_000, { type: 'restart', by });
    driver.send(2_100, exited(1, 0));
    driver.send(2_200, done('vmm.boot', 2));
    driver.send(2_300, { type: 'guest.ready', run: 2 });
    driver.send(2_400, { type: 'traffic.idle', run: 2, since: START + 2_300 });
    expect(driver.pending()).toEqual({ 'timer.idle': 32_300 });
  });
});

describe('one standby at a time', () => {
  it('whatever is said twice: a second word of being idle, a late answer, a second minute', () => {
    const driver = at('pausing.frozen');
    driver.send(30_210, { type: 'traffic.idle', run: 1, since: START });
    driver.send(30_220, confirmed);
    driver.send(30_230, confirmed);
    driver.send(30_240, { type: 'schedule.due', schedule: 'standby', minute: START });
    expect(driver.effects('vmm.pause')).toHaveLength(1);
    expect(driver.effects('vmm.snapshot')).toHaveLength(1);
    expect(driver.facts('standby.requested')).toHaveLength(1);
    expect(leaf(driver)).toBe('snapshotting');
  });
});

describe('the idle time', () => {
  it('goes on over the end of the daemon, and so does a hold', () => {
    const driver = idle();
    driver.send(1_000, hold(45_000));
    driver.send(10_000, { type: 'vmm.found', run: 1, found: { reality: 'running', ready: true } });
    expect(driver.pending()).toEqual({ 'timer.idle': 45_000 });
  });

  it('is not touched by an update of anything else', () => {
    const driver = idle();
    driver.send(10_000, { type: 'update', by, changes: { restart_policy: null, expiry: null } });
    expect([driver.region('standby'), driver.pending()['timer.idle']]).toEqual(['countdown', 30_000]);
  });

  it('began no earlier than the guest was awake or spoken to, and not in the future', () => {
    const driver = drive(definition({ auto_standby: SLEEPY }));
    bootUp(driver, 1_000);
    driver.send(2_000, { type: 'traffic.idle', run: 1, since: START - 3_600_000 });
    expect(driver.pending()).toEqual({ 'timer.idle': 31_000 });
    driver.send(5_000, active);
    driver.send(6_000, { type: 'traffic.idle', run: 1, since: START + 1_500 });
    expect(driver.pending()).toEqual({ 'timer.idle': 35_000 });
    driver.send(7_000, active);
    driver.send(8_000, { type: 'traffic.idle', run: 1, since: START + 3_600_000 });
    expect(driver.pending()).toEqual({ 'timer.idle': 38_000 });
  });

  it('begins anew when the table cannot be read at its end', () => {
    const driver = at('confirming');
    driver.send(30_100, unconfirmed);
    expect(driver.pending()).toEqual({ 'timer.idle': 60_100 });
  });

  it('is watched from the moment in which the guest is ready', () => {
    const driver = drive(definition({ auto_standby: SLEEPY }));
    driver.send(0, done('instance.prepare', 0));
    driver.send(0, done('vmm.boot', 1));
    expect(driver.snapshot().hasTag('tracked')).toBe(false);
    driver.send(500, { type: 'guest.ready', run: 1 });
    expect(driver.snapshot().hasTag('tracked')).toBe(true);
  });
});

describe('a guest that was paused', () => {
  it('and cannot be resumed is lost, looked for, and let go as soon as it is found', () => {
    const driver = at('snapshotting');
    driver.send(30_400, failed('vmm.snapshot', 1));
    expect(driver.effects('vmm.resume')).toHaveLength(1);
    driver.send(30_500, failed('vmm.resume', 1));
    expect(driver.lifecycle()).toBe('lost');
    driver.send(31_000, found('unreachable'));
    driver.send(32_000, found('paused'));
    expect(driver.effects('vmm.resume')).toHaveLength(2);
    driver.send(32_100, done('vmm.resume', 1));
    expect(driver.lifecycle()).toBe('running');
  });
});

describe('a restored guest', () => {
  it('that does not answer is ended by force, and it was nobody who asked for it', () => {
    const driver = at('no return');
    driver.send(30_500, exited(1, null));
    driver.send(31_000, { type: 'restore', by });
    driver.send(31_100, done('vmm.restore', 2));
    const error = { code: 'agent_unanswered', message: 'no answer' };
    driver.send(31_200, { type: 'effect.failed', effect: 'test/1/0', kind: 'guest.set_clock', run: 2, error });
    expect(driver.effects('vmm.kill').map(({ run }) => run)).toEqual([1, 2]);
    expect(driver.facts('instance.restored')).toEqual([]);
    driver.send(31_300, exited(2, null));
    expect(driver.facts('instance.ended').at(-1)).toMatchObject({ run: 2, planned: false });
  });
});

describe('a named snapshot', () => {
  const back = { type: 'restore_snapshot', by, name: 'before', then: 'running' } as const;

  function withSnapshot(): Driver {
    const driver = drive(definition({ auto_standby: SLEEPY }));
    bootUp(driver, 0);
    driver.send(0, { type: 'create_snapshot', by, name: 'before' });
    for (const kind of ['vmm.pause', 'vmm.snapshot', 'vmm.resume'] as const) driver.send(0, done(kind, 1));
    driver.send(0, { type: 'traffic.idle', run: 1, since: START });
    return driver;
  }

  it.each<Bar>(['confirming', 'pausing.frozen', 'snapshotting', 'sealing', 'no return'])(
    'is brought back under no VMM that lives: refused at %s',
    (bar) => {
      const driver = at(bar, withSnapshot());
      expect(driver.send(30_500, back).accepted).toBe(false);
      expect(driver.effects('snapshot.copy')).toEqual([]);
    },
  );

  it('is brought back where none lives', () => {
    const driver = at('no return', withSnapshot());
    driver.send(30_500, exited(1, null));
    expect(driver.send(31_000, back).accepted).toBe(true);
    expect(driver.effects('snapshot.copy')).toHaveLength(1);
  });
});

describe('a stop', () => {
  it('that waits for its guest is hastened by a forced one', () => {
    const driver = idle();
    driver.send(1_000, { type: 'stop', by });
    expect(driver.effects('vmm.kill')).toEqual([]);
    driver.send(1_500, { type: 'stop', by, force: true });
    expect(driver.effects('vmm.kill')).toHaveLength(1);
  });
});
