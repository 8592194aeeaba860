import { describe, expect, it } from 'vitest';
import { definition, SLEEPY, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, failed, ready, unknown } from './driver.ts';
import { leafOf } from './exploration.ts';

/**
 * A guest that could not be woken sleeps on as it did: with its memory, with what was shown of it, told once. Whoever wants it
 * up all the same gets it back with that memory, and never without.
 */

const by = 'ann';
const leaf = (driver: Driver): string => leafOf(driver.snapshot());
type Event = Parameters<Driver['send']>[1];

const restore = { type: 'restore', by } as const;
const start = { type: 'start', by } as const;
const withdrawn = { type: 'effect.withdrawn', effect: 'test/1/0', kind: 'vmm.restore', run: 2 } as const;
const none = { type: 'vmm.found', run: 2, found: { reality: 'none' } } as const;
const up = { type: 'vmm.found', run: 2, found: { reality: 'running', ready: false } } as const;
const crashed = { ...exited(2, null), reason: 'crashed' } as Event;
const OTHER_VERSION = 'another version of the VMM saved it';
const unborn = { ...exited(2, null), reason: 'boot_failed', message: OTHER_VERSION } as Event;
const damaged = {
  ...failed('vmm.restore', 2),
  error: { code: 'snapshot_damaged', message: 'the state file is not the one that was saved' },
} as const;

function asleep(parts: Parameters<typeof definition>[0] = {}): Driver {
  const driver = drive(definition(parts));
  driver.send(0, done('instance.prepare', 0));
  driver.send(0, { ...done('vmm.boot', 1), pid: 4_242 } as Event);
  driver.send(0, ready(1));
  driver.send(1_000, { type: 'standby', by });
  driver.send(1_000, done('vmm.pause', 1));
  driver.send(1_000, done('vmm.snapshot', 1));
  driver.send(1_500, exited(1, null));
  return driver;
}

/** Its restore took longer than it may, and is being undone. */
function withdrawing(): Driver {
  const driver = asleep();
  driver.send(10_000, restore);
  driver.until(70_000);
  expect(leaf(driver)).toBe('stopping.withdrawing');
  return driver;
}

describe('a guest that could not be woken', () => {
  it.each([
    ['was refused', damaged, 'snapshot_damaged', damaged.error.message],
    ['failed', failed('vmm.restore', 2), 'insufficient_resources', 'no memory'],
    ['was withdrawn', withdrawn, 'withdrawn', 'the restore was withdrawn'],
    ['ended before it was let go', unborn, 'boot_failed', OTHER_VERSION],
  ] as const)('because its restore %s is shown as before, with the reason', (_what, event, code, message) => {
    const driver = asleep();
    const before = driver.snapshot().context;
    driver.send(10_000, restore);
    expect(driver.snapshot().context.run.started_at).toBe(START + 10_000);
    driver.send(10_100, event);
    const { run, trouble, standby, put_away } = driver.snapshot().context;
    expect(run).toEqual({ ...before.run, number: 2, pid: null });
    expect(trouble).toEqual({ message, tries: 0 });
    expect([standby, put_away]).toEqual([before.standby, null]);
    expect(driver.facts('instance.restore_failed')).toEqual([
      { type: 'instance.restore_failed', at: 10_100, run: 2, snapshot: 'run-1', code, message },
    ]);
    expect(driver.facts('standby.entered').length).toBe(1);
  });

  it('is shown as before also after the third time', () => {
    const driver = asleep();
    const { run } = driver.snapshot().context;
    for (const number of [2, 3, 4]) {
      driver.send(number * 10_000, restore);
      driver.send(number * 10_000 + 100, failed('vmm.restore', number));
    }
    expect(driver.snapshot().context.run).toEqual({ ...run, number: 4, pid: null });
    driver.send(50_000, restore);
    driver.send(50_100, done('vmm.restore', 5));
    driver.send(50_200, done('guest.set_clock', 5));
    const { trouble, put_away } = driver.snapshot().context;
    expect([leaf(driver), trouble, put_away]).toEqual(['running', null, null]);
    expect(driver.snapshot().context.run).toMatchObject({ number: 5, started_at: START + 50_000, exit: null });
  });

  it('sleeps for as long as it may from when it fell asleep', () => {
    const driver = asleep({ auto_standby: { ...SLEEPY, max_asleep: { after_ms: 60_000, then: 'stop' } } });
    driver.send(10_000, restore);
    driver.send(10_100, damaged);
    expect(driver.pending()).toEqual({ 'timer.max_asleep': 61_500 });
  });

  it('says no trouble of the way into standby as if it were one of waking', () => {
    const driver = drive(definition());
    bootUp(driver, 0);
    driver.send(1_000, { type: 'standby', by });
    driver.send(1_000, done('vmm.pause', 1));
    driver.send(1_000, done('vmm.snapshot', 1));
    driver.send(1_100, unknown('vmm.kill', 1));
    expect(driver.snapshot().context.trouble).not.toBeNull();
    driver.send(1_200, { ...none, run: 1 });
    expect([leaf(driver), driver.snapshot().context.trouble]).toEqual(['standby.sleeping', null]);
  });
});

describe('a start while a restore that took too long is being undone', () => {
  it.each([
    ['start', start],
    ['restore', restore],
  ] as const)('takes the guest up again from its snapshot: %s', (_what, command) => {
    const driver = withdrawing();
    driver.send(70_100, command);
    driver.send(70_200, withdrawn);
    expect([leaf(driver), driver.snapshot().context.snapshot]).toMatchObject([
      'restoring.taking_up',
      { name: 'run-1' },
    ]);
    expect(driver.effects('vmm.restore').at(-1)).toMatchObject({ run: 3, snapshot: 'run-1' });
    expect(driver.effects('vmm.boot').length + driver.effects('snapshot.drop').length).toBe(1);
    expect(driver.facts('instance.restore_failed')).toMatchObject([{ message: 'the restore was withdrawn' }]);
    driver.send(70_300, failed('vmm.restore', 3));
    const { run, standby } = driver.snapshot().context;
    expect(run).toMatchObject({ number: 3, started_at: START, exit: { ended_at: START + 1_500 } });
    expect([leaf(driver), standby.asleep_since]).toEqual(['standby.sleeping', START + 1_500]);
  });

  it('without one the guest sleeps on, and why is told', () => {
    const driver = withdrawing();
    driver.send(70_200, withdrawn);
    expect([leaf(driver), driver.snapshot().context.trouble?.message]).toEqual([
      'standby.sleeping',
      'the restore did not end in time',
    ]);
  });

  it('lets it go on when it was taken up after all, and it has to answer', () => {
    const driver = withdrawing();
    driver.send(70_100, start);
    driver.send(70_200, done('vmm.restore', 2));
    expect([leaf(driver), driver.pending()]).toEqual(['restoring.answering', { 'timer.restore_deadline': 130_200 }]);
    driver.send(70_300, done('guest.set_clock', 2));
    expect([leaf(driver), driver.snapshot().context.stop]).toEqual(['running', null]);
  });

  it('boots it when its guest had been let go and has ended: what was saved is of the past', () => {
    const driver = withdrawing();
    driver.send(70_100, start);
    driver.send(70_200, crashed);
    expect([leaf(driver), driver.snapshot().context.snapshot]).toEqual(['booting.spawning', null]);
  });

  it.each([
    ['there is no trace of it', none, 'restoring.taking_up'],
    ['it runs', up, 'restoring.answering'],
    ['it is paused', { ...up, found: { reality: 'paused' } }, 'restoring.answering'],
  ] as const)('wakes it also when nobody knows what became of it, and then %s', (_what, event, place) => {
    const driver = withdrawing();
    driver.until(100_000);
    expect(leaf(driver)).toBe('lost');
    driver.send(100_100, start);
    driver.send(100_200, event as never);
    expect([leaf(driver), driver.effects('vmm.boot').length]).toEqual([place, 1]);
  });

  it.each([
    ['a stop', { type: 'stop', by }, 'stopped'],
    ['a stop, and a start after it', { type: 'stop', by }, 'booting.spawning'],
    ['a restart', { type: 'restart', by }, 'booting.spawning'],
    ['hands off', { type: 'ignore', by }, 'standby.sleeping'],
  ] as const)('is overruled by %s', (what, command, place) => {
    for (const before of [withdrawing, lost]) {
      const driver = before();
      driver.send(100_100, start);
      driver.send(100_200, command);
      if (what.includes('start after')) driver.send(100_300, start);
      driver.send(100_400, none);
      expect([leaf(driver), driver.snapshot().context.snapshot === null]).toEqual([
        place,
        place !== 'standby.sleeping',
      ]);
    }
  });
});

/** A restore of which nothing is known. */
function lost(): Driver {
  const driver = asleep();
  driver.send(10_000, restore);
  driver.send(10_100, unknown('vmm.restore', 2));
  expect(leaf(driver)).toBe('lost');
  return driver;
}

describe('a restore that is out of sight', () => {
  it.each([
    ['start', start],
    ['restore', restore],
  ] as const)('is made again for whoever asks for that, when there is no trace of it: %s', (_what, command) => {
    const driver = lost();
    driver.send(20_000, command);
    driver.send(20_100, none);
    expect([leaf(driver), driver.effects('vmm.restore').length]).toEqual(['restoring.taking_up', 2]);
  });

  it('is withdrawn before, when hands were off until then', () => {
    const driver = lost();
    driver.send(20_000, { type: 'ignore', by });
    const step = driver.send(20_100, start);
    expect(step.effects.map(({ kind }) => kind)).toEqual(['effect.withdraw', 'vmm.inspect']);
    driver.send(20_200, none);
    expect(leaf(driver)).toBe('restoring.taking_up');
  });
});

describe('an instance that was set aside', () => {
  const aside = { type: 'instance.quarantined', error: 'a rule threw' } as const;

  it.each([
    ['on its way to standby', 'falling asleep'],
    ['while it was taken up', 'restoring'],
  ] as const)('%s keeps the memory of its guest for a start, whatever is known of its VMM', (_what, way) => {
    for (const told of ['before', 'after'] as const) {
      const driver = way === 'restoring' ? asleep() : drive(definition());
      if (way === 'restoring') driver.send(10_000, restore);
      else {
        bootUp(driver, 0);
        driver.send(1_000, { type: 'standby', by });
        for (const kind of ['vmm.pause', 'vmm.snapshot'] as const) driver.send(1_000, done(kind, 1));
      }
      const end = way === 'restoring' ? unborn : exited(1, null);
      driver.send(10_100, aside);
      if (told === 'before') driver.send(10_200, end);
      driver.send(10_300, start);
      if (told === 'after') driver.send(10_400, end);
      expect([told, leaf(driver), driver.effects('snapshot.drop').length]).toEqual([told, 'restoring.taking_up', 0]);
    }
  });

  it('for good drops it with a stop', () => {
    const driver = asleep();
    driver.send(10_000, restore);
    driver.send(10_100, aside);
    driver.send(10_200, unborn);
    driver.send(10_300, { type: 'stop', by });
    expect([leaf(driver), driver.snapshot().context.snapshot]).toEqual(['stopped', null]);
  });
});
