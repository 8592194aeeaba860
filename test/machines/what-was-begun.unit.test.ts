import { describe, expect, it } from 'vitest';
import { definition, SLEEPY, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited } from './driver.ts';
import { leafOf } from './exploration.ts';

/** What was begun to put a guest to sleep, or by schedule, is told to its end, and ends with what had asked for it. */

const by = 'ann';
const CRON = { cron: '0 * * * *', time_zone: 'UTC' };
const leaf = (driver: Driver): string => leafOf(driver.snapshot());
const causes = (driver: Driver, schedule: 'standby' | 'wake'): string[] =>
  driver.facts('schedule.skipped').flatMap((fact) => {
    return fact.type === 'schedule.skipped' && fact.schedule === schedule ? [fact.cause] : [];
  });
const due = (schedule: 'standby' | 'wake', minute = 1) =>
  ({ type: 'schedule.due', schedule, minute: START + minute * 60_000 }) as const;
const confirmed = { type: 'traffic.confirmed_idle', run: 1 } as const;
const lost = { type: 'vmm.found', run: 1, found: { reality: 'unreachable', message: 'no answer' } } as const;
const unscheduled = { type: 'update', by, changes: { schedules: null } } as const;

function up(host: 'generous' | 'silent' = 'generous'): Driver {
  const schedules = { standby: CRON, wake: CRON };
  const driver = drive(definition({ auto_standby: SLEEPY, schedules }), 'running', 0, host);
  bootUp(driver, 0);
  return driver;
}

/** Its minute has come, and its table is being read. */
function confirming(): Driver {
  const driver = up();
  driver.send(5_000, due('standby'));
  expect(driver.region('standby')).toBe('confirming');
  return driver;
}

function frozen(): Driver {
  const driver = confirming();
  for (const event of [confirmed, done('vmm.pause', 1)]) driver.send(5_100, event);
  expect(leaf(driver)).toBe('pausing.frozen');
  return driver;
}

const ENDS = [
  ['a stop', { type: 'stop', by }, 'operator'],
  ['a stop by force', { type: 'stop', by, force: true }, 'operator'],
  ['a deletion', { type: 'delete', by }, 'delete'],
  ['the end of the guest', exited(1, 1), 'run ended'],
  ['the end of the schedule', unscheduled, 'policy'],
] as const;

describe('the minute in which a guest was to be put to sleep is told as skipped, once, when it ends with', () => {
  it.each([
    ...ENDS,
    ['a restart', { type: 'restart', by }, 'restart'],
    ['a snapshot by name', { type: 'create_snapshot', by, name: 'kept' }, 'not running'],
    ['a guest that is lost', lost, 'not running'],
    ['a rule that throws', { type: 'instance.quarantined', error: 'x' }, 'quarantined'],
  ] as const)('%s while its table is read', (_what, event, cause) => {
    const driver = confirming();
    driver.send(5_200, event);
    expect([causes(driver, 'standby'), driver.snapshot().context.standby.request]).toEqual([[cause], null]);
  });

  it.each([
    ...ENDS,
    ['a guest that is lost', lost, 'lost'],
    ['a rule that throws', { type: 'instance.quarantined', error: 'x' }, 'quarantined'],
  ] as const)('%s while the guest is paused', (_what, event, cause) => {
    const driver = frozen();
    driver.send(5_200, event);
    expect([causes(driver, 'standby'), driver.snapshot().context.standby.request]).toEqual([[cause], null]);
    driver.send(5_300, exited(1, null));
    expect(causes(driver, 'standby')).toEqual([cause]);
  });

  it('nothing when an operator wants the same, or when the guest sleeps', () => {
    const taken = frozen();
    taken.send(5_200, { type: 'standby', by });
    const slept = frozen();
    for (const event of [confirmed, done('vmm.snapshot', 1), confirmed, exited(1, null)]) slept.send(5_200, event);
    slept.send(6_000, { type: 'stop', by });
    expect([leaf(slept), causes(taken, 'standby'), causes(slept, 'standby')]).toEqual(['stopped', [], []]);
  });
});

describe('a standby whose guest is lost on the way', () => {
  it.each(['idle', 'schedule', 'operator'] as const)('is told to be given up, asked for by %s', (request) => {
    const driver = request === 'schedule' ? confirming() : up();
    if (request === 'operator') driver.send(10_000, { type: 'standby', by });
    if (request === 'idle') {
      driver.send(0, { type: 'traffic.idle', run: 1 });
      driver.until(30_000);
    }
    if (request !== 'operator') driver.send(request === 'idle' ? 30_001 : 5_100, confirmed);
    expect(leaf(driver)).toBe('pausing.freezing');
    driver.send(30_100, lost);
    expect([leaf(driver), driver.facts('standby.abandoned')]).toMatchObject(['lost', [{ cause: 'lost' }]]);
    driver.send(30_200, { ...lost, found: { reality: 'paused' } });
    driver.send(30_300, done('vmm.resume', 1));
    expect([leaf(driver), driver.region('standby')]).toEqual(['running', 'active']);
  });
});

describe('a wake that waits for the host', () => {
  function waiting(): Driver {
    const driver = up('silent');
    driver.send(1_000, { type: 'standby', by });
    for (const event of [done('vmm.pause', 1), done('vmm.snapshot', 1), exited(1, null)]) driver.send(1_000, event);
    driver.send(5_000, due('wake'));
    driver.send(5_100, { type: 'host.held', run: 1, purpose: 'wake', reason: 'memory', retry_at: START + 90_000 });
    expect(leaf(driver)).toBe('standby.waking.held');
    return driver;
  }

  it('ends with its schedule, and is told as skipped', () => {
    const driver = waiting();
    driver.send(6_000, unscheduled);
    expect([leaf(driver), causes(driver, 'wake'), driver.snapshot().context.admission]).toEqual([
      'standby.sleeping',
      ['policy'],
      null,
    ]);
    expect(driver.pending()).toEqual({});
    expect(driver.send(7_000, { type: 'host.granted', run: 1, purpose: 'wake' }).accepted).toBe(false);
  });

  it('goes on under another one', () => {
    const driver = waiting();
    driver.send(6_000, { type: 'update', by, changes: { schedules: { wake: { ...CRON, cron: '5 * * * *' } } } });
    expect([leaf(driver), causes(driver, 'wake')]).toEqual(['standby.waking.held', []]);
  });
});
