import { describe, expect, it } from 'vitest';
import type { ExternalEvent, Unstamped } from '../../machines/events.ts';
import { stateOf } from '../../machines/public-states.ts';
import { definition, SLEEPY, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, failed, unknown } from './driver.ts';
import { leafOf } from './exploration.ts';

/**
 * Goal: the whole way of an automatic standby, and what every event does at each of its bars. Method: a table; a row is an
 * event, a column a bar, a cell where the lifecycle is afterwards and, if it runs, the standby region.
 */

const by = 'ann';
const RUN = 1;
type Event = Unstamped<ExternalEvent>;

const confirmed: Event = { type: 'traffic.confirmed_idle', run: RUN };
const granted: Event = { type: 'host.granted', run: RUN, purpose: 'standby' };
const held: Event = {
  type: 'host.held',
  run: RUN,
  purpose: 'standby',
  reason: 'standby_slots',
  retry_at: START + 90_000,
};

/** Idle from 0 on; the timeout of 30 s has passed. */
function queued(hooks?: { readonly before_standby: string }): Driver {
  const expiry = { expires_at: START + 31_000, then: 'stop' } as const;
  const driver = drive(definition({ auto_standby: SLEEPY, expiry, ...(hooks && { hooks }) }), 'running', 0, 'silent');
  bootUp(driver, 0);
  driver.send(0, { type: 'traffic.idle', run: RUN, since: START });
  driver.until(30_000);
  return driver;
}

const after = (...events: Event[]): Driver => {
  const driver = queued();
  for (const event of events) driver.send(30_000, event);
  return driver;
};

const FROZEN = [granted, confirmed, done('vmm.pause', RUN)];
const SEALING = [...FROZEN, confirmed, done('vmm.snapshot', RUN)];

const BARS: Readonly<Record<string, () => Driver>> = {
  queued: () => after(),
  held: () => after(held),
  confirming: () => after(granted),
  quiescing: () => {
    const driver = queued({ before_standby: 'quiesce' });
    for (const event of [granted, confirmed]) driver.send(30_000, event);
    return driver;
  },
  freezing: () => after(granted, confirmed),
  frozen: () => after(...FROZEN),
  snapshotting: () => after(...FROZEN, confirmed),
  sealing: () => after(...SEALING),
  'no return': () => after(...SEALING, confirmed),
};

const found = (reality: object): Event => ({ type: 'vmm.found', run: RUN, found: reality }) as Event;

/** At expiry its own timer fires. */
const EXPIRY = null;

const EVENTS: Readonly<Record<string, Event | null>> = {
  traffic: { type: 'traffic.active', run: RUN, connections: 1 },
  'a hold': { type: 'hold', by, until: START + 60_000 },
  'a lost observer': { type: 'observer.lost', error: 'overrun' },
  'an unreadable table': { type: 'traffic.unconfirmed', run: RUN, error: 'no rights' },
  'a policy taken away': { type: 'update', by, changes: { auto_standby: { enabled: false } } },
  'another policy': { type: 'update', by, changes: { auto_standby: { ...SLEEPY, idle_timeout_ms: 90_000 } } },
  'another health check': { type: 'update', by, changes: { health_check: null } },
  'a standby by hand': { type: 'standby', by },
  start: { type: 'start', by },
  restore: { type: 'restore', by },
  stop: { type: 'stop', by },
  'stop by force': { type: 'stop', by, force: true },
  delete: { type: 'delete', by },
  ignore: { type: 'ignore', by },
  maintenance: { type: 'host.mode_changed', mode: 'maintenance' },
  'a guest that ends': exited(RUN, 1),
  'the daemon was killed: running': found({ reality: 'running', ready: true }),
  'the daemon was killed: paused': found({ reality: 'paused' }),
  'the daemon was killed: gone': found({ reality: 'none' }),
  'the daemon was killed: unreachable': found({ reality: 'unreachable', message: 'no answer' }),
  expiry: EXPIRY,
};

function outcome(bar: string, event: Event | null): string {
  const driver = BARS[bar]!();
  if (event === null) driver.until(31_000);
  else if (!driver.send(30_001, event).accepted) return '-';
  const { value } = driver.snapshot();
  const leaf = leafOf(driver.snapshot());
  return leaf === 'running' ? stateOf(value, 'standby') : leaf.split('.').at(-1)!;
}

const COLUMNS = Object.keys(BARS);
const everywhere = (word: string): string[] => COLUMNS.map(() => word);
/** While it runs; on its way, paused or not; past the point of no return. */
const row = (running: string, hook: string, paused: string, late: string): string[] => [
  running,
  running,
  running,
  hook,
  paused,
  paused,
  paused,
  paused,
  late,
];

const TABLE: Readonly<Record<keyof typeof EVENTS, readonly string[]>> = {
  traffic: row('active', 'active', 'resuming', '-'),
  'a hold': row('countdown', 'active', 'resuming', '-'),
  'a lost observer': row('blind', 'blind', 'resuming', 'killing'),
  'an unreadable table': ['-', '-', 'countdown', 'active', 'resuming', 'resuming', 'resuming', 'resuming', '-'],
  'a policy taken away': row('disabled', 'disabled', 'resuming', 'killing'),
  'another policy': row('active', 'active', 'resuming', 'killing'),
  'another health check': ['queued', 'queued', 'confirming', ...COLUMNS.slice(3, 8), 'killing'],
  'a standby by hand': [
    'freezing',
    'freezing',
    'freezing',
    'quiescing',
    'freezing',
    'snapshotting',
    'snapshotting',
    'killing',
    'killing',
  ],
  start: ['queued', 'queued', 'confirming', 'active', ...everywhere('resuming').slice(4, 8), 'killing'],
  restore: ['queued', 'queued', 'confirming', '-', '-', '-', '-', '-', 'killing'],
  stop: row('graceful', 'graceful', 'graceful', 'killing'),
  'stop by force': everywhere('killing'),
  delete: row('graceful', 'graceful', 'graceful', 'killing'),
  ignore: ['active', 'active', 'active', 'active', ...everywhere('resuming').slice(4, 8), 'killing'],
  maintenance: row('active', 'active', 'resuming', 'killing'),
  // With its memory on disk, and a guest that has stood still since, it sleeps: nothing is lost by that end.
  'a guest that ends': [...everywhere('failed').slice(0, 7), 'sleeping', 'sleeping'],
  'the daemon was killed: running': [
    'queued',
    '-',
    'confirming',
    'active',
    ...everywhere('resuming').slice(4, 8),
    'killing',
  ],
  'the daemon was killed: paused': [...everywhere('resuming').slice(0, 8), 'killing'],
  'the daemon was killed: gone': [...everywhere('failed').slice(0, 7), 'sleeping', 'sleeping'],
  'the daemon was killed: unreachable': everywhere('lost'),
  expiry: row('graceful', 'graceful', 'graceful', 'killing'),
};

describe('every event at every bar of the way into standby', () => {
  it.each(Object.keys(EVENTS))('%s', (name) => {
    const seen = COLUMNS.map((bar) => [bar, outcome(bar, EVENTS[name]!)]);
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(COLUMNS.map((bar, at) => [bar, TABLE[name]![at]])));
  });

  it('a record stands at each bar', () => {
    const driver = after(...SEALING, confirmed);
    driver.send(30_100, { ...done('vmm.kill', RUN), ended: exitOf() } as never);
    expect(leafOf(driver.snapshot())).toBe('standby.sleeping');
    const asked = ['traffic.confirm', 'vmm.pause', 'vmm.snapshot', 'vmm.kill'] as const;
    expect(asked.map((kind) => driver.effects(kind).length)).toEqual([3, 1, 1, 1]);
  });
});

const exitOf = () => ({ reason: 'killed', code: null, message: null, ended_at: null });

describe('a standby that is given up', () => {
  it.each([
    ['a pause', BARS.freezing!, failed('vmm.pause', RUN)],
    ['a pause nobody knows of', BARS.freezing!, unknown('vmm.pause', RUN)],
    ['a snapshot', BARS.snapshotting!, failed('vmm.snapshot', RUN)],
    ['a snapshot nobody knows of', BARS.snapshotting!, unknown('vmm.snapshot', RUN)],
  ] as const)(
    '%s that fails wakes the guest, drops what was saved, and it counts down anew from there',
    (_what, bar, event) => {
      const driver = bar();
      driver.send(30_100, event);
      driver.send(30_200, done('vmm.resume', RUN));
      expect([leafOf(driver.snapshot()), driver.region('standby')]).toEqual(['running', 'active']);
      expect(driver.snapshot().context).toMatchObject({ snapshot: null, standby: { request: null } });
      expect(driver.effects('snapshot.drop').length).toBe(bar === BARS.snapshotting ? 1 : 0);
      driver.send(30_300, { type: 'traffic.idle', run: RUN, since: START });
      expect(driver.snapshot().context.standby.idle_since).toBe(START + 30_200);
    },
  );

  it.each([
    ['pausing', BARS.frozen!, 150_000],
    ['the snapshot', BARS.snapshotting!, 150_000],
    ['the last look at the table', BARS.sealing!, 40_000],
  ] as const)('%s may not take for ever', (_what, bar, dueMs) => {
    const driver = bar();
    driver.send(30_500, { type: 'update', by, changes: { expiry: null } });
    driver.until(dueMs - 1);
    expect(leafOf(driver.snapshot())).not.toBe('resuming');
    driver.until(dueMs);
    expect(leafOf(driver.snapshot())).toBe('resuming');
  });

  it('nothing keeps the clock of a guest right that was paused, so it is set; that it cannot be is told and no more', () => {
    const driver = BARS.frozen!();
    driver.send(30_100, { type: 'start', by });
    driver.send(30_200, done('vmm.resume', RUN));
    expect(driver.effects('guest.set_clock')).toMatchObject([{ run: RUN }]);
    driver.send(30_300, failed('guest.set_clock', RUN));
    expect(leafOf(driver.snapshot())).toBe('running');
    expect(driver.facts('guest.clock_not_set')).toMatchObject([{ run: RUN, message: 'no memory' }]);
  });
});

describe('past the point of no return', () => {
  it.each([
    ['start', 'restoring.taking_up'],
    ['restore', 'restoring.taking_up'],
  ] as const)('%s wakes it once it sleeps', (type, leaf) => {
    const driver = BARS['no return']!();
    driver.send(30_100, { type, by });
    driver.send(30_200, exited(RUN, null));
    expect(leafOf(driver.snapshot())).toBe(leaf);
    expect(driver.effects('vmm.restore')).toMatchObject([{ run: 2, snapshot: 'run-1' }]);
  });

  it('a standby after that lets it sleep on, a stop drops what was saved', () => {
    for (const [type, leaf] of [
      ['standby', 'standby.sleeping'],
      ['stop', 'stopped'],
    ] as const) {
      const driver = BARS['no return']!();
      driver.send(30_100, { type: 'start', by });
      driver.send(30_200, { type, by });
      driver.send(30_300, exited(RUN, null));
      expect(leafOf(driver.snapshot())).toBe(leaf);
    }
  });
});
