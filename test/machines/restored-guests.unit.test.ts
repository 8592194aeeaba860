import { describe, expect, it } from 'vitest';
import { refusalReason } from '../../machines/accepted-commands.ts';
import { definition, ON_FAILURE, SLEEPY, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, failed, unknown } from './driver.ts';
import { leafOf } from './exploration.ts';

/** A sleeping guest is taken up again, and does not count as running before somebody in it has answered. */

const by = 'ann';
const leaf = (driver: Driver): string => leafOf(driver.snapshot());
const unanswered = {
  ...failed('guest.set_clock', 2),
  error: { code: 'agent_unanswered', message: 'nobody answered in 5s' },
} as const;

const withReason = (reason: 'boot_failed') => ({ reason, code: null, message: null, ended_at: null });

function asleep(parts: Parameters<typeof definition>[0] = {}): Driver {
  const driver = drive(definition(parts));
  bootUp(driver, 0);
  driver.send(1_000, { type: 'standby', by });
  driver.send(1_000, done('vmm.pause', 1));
  driver.send(1_000, done('vmm.snapshot', 1));
  driver.send(1_000, exited(1, null));
  return driver;
}

function answering(parts: Parameters<typeof definition>[0] = {}): Driver {
  const driver = asleep(parts);
  driver.send(10_000, { type: 'restore', by });
  driver.send(10_500, done('vmm.restore', 2));
  expect(leaf(driver)).toBe('restoring.answering');
  return driver;
}

describe('a restored guest', () => {
  it('runs once it has answered; by how much its clock was wrong stands in the record', () => {
    const driver = answering();
    expect(driver.facts('instance.ready').length).toBe(1);
    driver.send(10_600, { ...done('guest.set_clock', 2), drift_ms: 9_500 } as never);
    expect(leaf(driver)).toBe('running');
    expect(driver.facts('guest.clock_set')).toMatchObject([{ run: 2, drift_ms: 9_500 }]);
    expect(driver.facts('instance.restored')).toMatchObject([{ run: 2, at: 10_600 }]);
    expect(driver.snapshot().context).toMatchObject({ snapshot: null, standby: { asleep_since: null } });
  });

  it('without an agent there is nobody to ask, and it runs', () => {
    const driver = answering({ skip_guest_agent: true });
    driver.send(10_600, { ...done('guest.set_clock', 2), drift_ms: null } as never);
    expect([leaf(driver), driver.facts('guest.clock_set')]).toMatchObject(['running', [{ drift_ms: null }]]);
  });

  it('that does not answer is ended by force, as a crash, and its restart policy decides', () => {
    const driver = answering({ restart_policy: ON_FAILURE });
    driver.send(10_600, unanswered);
    expect(leaf(driver)).toBe('stopping.killing');
    driver.send(10_700, exited(2, null));
    expect(driver.facts('instance.ended').at(-1)).toMatchObject({
      run: 2,
      planned: false,
      reason: 'crashed',
      code: null,
    });
    expect(driver.facts('restart.attempted')).toMatchObject([{ attempt: 1, cause: 'exit' }]);
    expect([leaf(driver), driver.snapshot().context.snapshot]).toEqual(['booting.spawning', null]);
  });

  it('that does not answer stays down where nothing restarts it', () => {
    const driver = answering();
    driver.send(10_600, unanswered);
    driver.send(10_700, exited(2, null));
    expect(leaf(driver)).toBe('failed');
  });

  it('never keeps anybody waiting for ever', () => {
    const driver = answering();
    driver.until(69_999);
    expect(leaf(driver)).toBe('restoring.answering');
    driver.until(70_000);
    expect(leaf(driver)).toBe('stopping.killing');
  });

  it.each([
    ['failed for another reason', failed('guest.set_clock', 2)],
    ['is not known to be set', unknown('guest.set_clock', 2)],
  ] as const)('whose clock %s runs, and that is told', (_what, event) => {
    const driver = answering();
    driver.send(10_600, event);
    expect([leaf(driver), driver.facts('guest.clock_not_set').length]).toEqual(['running', 1]);
  });

  it('that somebody looks into is not ended for being silent', () => {
    const driver = answering();
    driver.send(10_550, { type: 'ignore', by });
    driver.send(10_600, unanswered);
    expect(leaf(driver)).toBe('running');
  });

  it('that is found after the daemon was killed is asked again', () => {
    for (const reality of ['running', 'paused', 'starting'] as const) {
      const driver = answering();
      const found = reality === 'running' ? { reality, ready: false } : { reality };
      const step = driver.send(10_600, { type: 'vmm.found', run: 2, found });
      expect(leaf(driver)).toBe('restoring.answering');
      expect(step.effects.map(({ kind }) => kind)).toEqual(
        reality === 'running' ? ['guest.set_clock'] : ['vmm.resume', 'guest.set_clock'],
      );
    }
  });

  it('that was lost on the way is asked for an answer, too, when it is found', () => {
    const driver = asleep();
    driver.send(10_000, { type: 'restore', by });
    driver.send(10_100, unknown('vmm.restore', 2));
    expect(leaf(driver)).toBe('lost');
    driver.send(10_200, { type: 'vmm.found', run: 2, found: { reality: 'running', ready: false } });
    expect(leaf(driver)).toBe('restoring.answering');
  });
});

describe('a restore that did not happen', () => {
  it.each([
    ['failed', failed('vmm.restore', 2)],
    ['was withdrawn', { type: 'effect.withdrawn', effect: 'test/1/0', kind: 'vmm.restore', run: 2 }],
    ['ended before the guest was let go', { ...exited(2, null), reason: 'boot_failed' }],
  ] as const)('because it %s leaves it asleep with its snapshot', (_what, event) => {
    const driver = asleep({ restart_policy: { ...ON_FAILURE, policy: 'always' } });
    driver.send(10_000, { type: 'restore', by });
    driver.send(10_100, event as never);
    expect([leaf(driver), driver.snapshot().context.snapshot]).toMatchObject(['standby.sleeping', { name: 'run-1' }]);
    expect(driver.snapshot().context.standby.asleep_since).toBe(START + 1_000);
    expect(driver.effects('vmm.boot').length).toBe(1);
    driver.send(20_000, { type: 'restore', by });
    expect(driver.effects('vmm.restore').at(-1)).toMatchObject({ run: 3, snapshot: 'run-1' });
  });

  it('in time is withdrawn, and the guest sleeps on when it never began', () => {
    const driver = asleep();
    driver.send(10_000, { type: 'restore', by });
    driver.until(70_000);
    expect(leaf(driver)).toBe('stopping.withdrawing');
    driver.send(70_100, { type: 'effect.withdrawn', effect: 'test/1/0', kind: 'vmm.restore', run: 2 });
    expect([leaf(driver), driver.snapshot().context.snapshot]).toMatchObject(['standby.sleeping', { name: 'run-1' }]);
  });
});

describe('a restore that was lost sight of', () => {
  const none = { type: 'vmm.found', run: 2, found: { reality: 'none' } } as const;
  const unborn = { type: 'vmm.found', run: 2, found: { reality: 'ended', ...withReason('boot_failed') } } as const;
  const asleepStill = ['standby.sleeping', { name: 'run-1' }];

  it.each([
    ['there is no trace of it', none],
    ['it ended before its guest was let go', unborn],
    ['the end of it is told', { ...exited(2, null), reason: 'withdrawn' }],
  ] as const)('leaves the guest asleep with its memory when %s', (_what, event) => {
    const driver = asleep({ restart_policy: ON_FAILURE });
    driver.send(10_000, { type: 'restore', by });
    driver.send(10_100, unknown('vmm.restore', 2));
    expect(leaf(driver)).toBe('lost');
    driver.send(10_200, event as never);
    expect([leaf(driver), driver.snapshot().context.snapshot]).toMatchObject(asleepStill);
    expect(driver.effects('snapshot.drop').length + driver.facts('restart.attempted').length).toBe(0);
  });

  it.each([
    ['there is no trace of it', none],
    ['it ended before its guest was let go', unborn],
  ] as const)('when it took too long and the daemon was killed meanwhile, too, when %s', (_what, event) => {
    const driver = asleep();
    driver.send(10_000, { type: 'restore', by });
    driver.until(70_000);
    expect(leaf(driver)).toBe('stopping.withdrawing');
    driver.send(70_100, event as never);
    expect([leaf(driver), driver.snapshot().context.snapshot]).toMatchObject(asleepStill);
    expect(driver.effects('snapshot.drop')).toEqual([]);
  });

  it('is over with its memory when the guest had been let go', () => {
    const driver = answering();
    driver.send(10_550, { type: 'vmm.found', run: 2, found: { reality: 'unreachable', message: 'no answer' } });
    driver.send(10_600, none);
    expect([leaf(driver), driver.snapshot().context.snapshot]).toEqual(['failed', null]);
  });

  it('is over with its memory when somebody has stopped it', () => {
    const driver = asleep();
    driver.send(10_000, { type: 'restore', by });
    driver.send(10_050, { type: 'stop', by });
    driver.send(10_100, none);
    expect([leaf(driver), driver.snapshot().context.snapshot]).toEqual(['stopped', null]);
  });
});

describe('a hold', () => {
  it('is placed while a guest comes up, and holds from there', () => {
    const driver = asleep({ auto_standby: SLEEPY });
    expect(driver.send(5_000, { type: 'hold', by, until: START + 90_000 }).accepted).toBe(false);
    driver.send(10_000, { type: 'restore', by });
    driver.send(10_050, { type: 'hold', by, until: START + 90_000 });
    driver.send(10_100, done('vmm.restore', 2));
    driver.send(10_200, done('guest.set_clock', 2));
    driver.send(10_300, { type: 'traffic.idle', run: 2 });
    expect(driver.pending()).toEqual({ 'timer.idle': 90_000 });
  });

  it.each([
    ['asleep', [exited(1, null)]],
    ['on its way to a standby that an operator asked for', []],
  ] as const)('that would be broken is refused by name: %s', (_what, events) => {
    const driver = drive(definition({ auto_standby: SLEEPY }));
    bootUp(driver, 0);
    driver.send(1_000, { type: 'standby', by });
    if (events.length > 0) for (const kind of ['vmm.pause', 'vmm.snapshot'] as const) driver.send(1_000, done(kind, 1));
    for (const event of events) driver.send(1_000, event);
    const hold = { type: 'hold', by, until: START + 90_000, at: START + 2_000 } as const;
    expect(refusalReason(driver.snapshot(), hold)).toBe('instance_in_standby');
    expect(driver.send(2_000, hold).accepted).toBe(false);
  });

  it('the last word counts, also an earlier instant', () => {
    const driver = drive(definition({ auto_standby: SLEEPY }));
    bootUp(driver, 0);
    driver.send(0, { type: 'traffic.idle', run: 1, since: START });
    driver.send(1_000, { type: 'hold', by, until: START + 90_000 });
    driver.send(2_000, { type: 'hold', by, until: START + 45_000 });
    expect(driver.pending()).toEqual({ 'timer.idle': 45_000 });
  });
});
