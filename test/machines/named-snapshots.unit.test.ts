import { describe, expect, it } from 'vitest';
import { refusalReason } from '../../machines/accepted-commands.ts';
import { snapshotNameSchema } from '../../machines/events.ts';
import { SNAPSHOTS_MAX } from '../../machines/policies.ts';
import { ALWAYS, CHECK, definition, ON_FAILURE, SLEEPY, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, failed } from './driver.ts';
import { leafOf } from './exploration.ts';

/** Named snapshots of guests that run and sleep, what becomes of them, and instances that begin with one. */

const by = 'ann';
const leaf = (driver: Driver): string => leafOf(driver.snapshot());
const names = (driver: Driver): string[] => driver.snapshot().context.snapshots.map(({ name }) => name);
const create = (name = 'kept') => ({ type: 'create_snapshot', by, name }) as const;
const bringBack = (then: 'running' | 'standby', name = 'kept') =>
  ({ type: 'restore_snapshot', by, name, then }) as const;

function running(parts: Parameters<typeof definition>[0] = {}): Driver {
  const driver = drive(definition(parts));
  bootUp(driver, 0);
  return driver;
}

function keep(driver: Driver, atMs: number, name = 'kept'): void {
  driver.send(atMs, create(name));
  driver.send(atMs, done('vmm.pause', 1));
  driver.send(atMs, done('vmm.snapshot', 1));
  driver.send(atMs, done('vmm.resume', 1));
}

describe('a snapshot of a running guest', () => {
  it('pauses it, saves it, and lets it run on', () => {
    const driver = running();
    keep(driver, 1_000);
    expect(driver.effects('vmm.snapshot')).toMatchObject([{ run: 1, snapshot: 'kept' }]);
    expect([leaf(driver), driver.snapshot().context.snapshots]).toEqual([
      'running',
      [{ name: 'kept', run: 1, taken_at: START + 1_000, by }],
    ]);
    expect(driver.effects('guest.set_clock')).toMatchObject([{ run: 1 }]);
    expect(driver.effects('snapshot.drop')).toEqual([]);
  });

  it('traffic, a hold and a lost observer do not end it', () => {
    const driver = running({ auto_standby: SLEEPY });
    driver.send(1_000, create());
    driver.send(1_100, { type: 'traffic.active', run: 1, connections: 3 });
    driver.send(1_200, { type: 'hold', by, until: START + 60_000 });
    driver.send(1_300, { type: 'observer.lost', error: 'overrun' });
    expect([leaf(driver), driver.snapshot().context.standby.hold_until]).toEqual([
      'capturing.freezing',
      START + 60_000,
    ]);
  });

  it.each([
    ['stop', { type: 'stop', by }, 'stopping.graceful'],
    ['stop by force', { type: 'stop', by, force: true }, 'stopping.killing'],
    ['delete', { type: 'delete', by }, 'stopping.graceful'],
    ['a failure', failed('vmm.snapshot', 1), 'resuming'],
    ['a daemon that was killed', { type: 'vmm.found', run: 1, found: { reality: 'paused' } }, 'resuming'],
    ['the end of the guest', exited(1, 1), 'failed'],
  ] as const)('%s ends it, and nothing half-written stays', (_what, event, where) => {
    const driver = running();
    driver.send(1_000, create());
    driver.send(1_000, done('vmm.pause', 1));
    const step = driver.send(1_100, event);
    expect([leaf(driver), names(driver), driver.snapshot().context.snapshot_work]).toEqual([where, [], null]);
    expect(step.effects).toContainEqual({ kind: 'snapshot.drop', run: 0, snapshot: 'kept' });
    expect(driver.facts('snapshot.failed')).toMatchObject([{ name: 'kept' }]);
  });

  it('the guest is not judged meanwhile: what probes say of a paused guest is not heard', () => {
    const driver = running({ health_check: { ...CHECK, failure_threshold: 1, start_period_ms: 0 } });
    const window = { run: 1, revision: driver.snapshot().context.health.revision };
    driver.send(500, { type: 'probe.passed', window });
    driver.send(1_000, create());
    expect(driver.send(1_500, { type: 'probe.failed', window, error: 'timeout' }).accepted).toBe(false);
    driver.send(2_000, done('vmm.pause', 1));
    driver.send(2_000, done('vmm.snapshot', 1));
    driver.send(2_000, done('vmm.resume', 1));
    expect(driver.send(2_500, { type: 'probe.failed', window, error: 'timeout' }).accepted).toBe(false);
    expect(driver.region('health')).toBe('starting');
  });
});

describe('a snapshot of a sleeping guest', () => {
  function asleep(): Driver {
    const driver = running();
    driver.send(1_000, { type: 'standby', by });
    for (const event of [done('vmm.pause', 1), done('vmm.snapshot', 1), exited(1, null)]) driver.send(1_000, event);
    return driver;
  }

  it('is a copy of what it sleeps in', () => {
    const driver = asleep();
    driver.send(5_000, create());
    expect(driver.effects('snapshot.copy')).toMatchObject([{ run: 1, snapshot: 'run-1', as: 'kept' }]);
    driver.send(6_000, done('snapshot.copy', 1));
    expect([leaf(driver), driver.snapshot().context.snapshots]).toEqual([
      'standby.sleeping',
      [{ name: 'kept', run: 1, taken_at: START + 1_000, by }],
    ]);
  });

  it('a guest that is woken meanwhile does not wait for it', () => {
    const driver = asleep();
    driver.send(5_000, create());
    const { effects } = driver.send(5_100, { type: 'restore', by });
    expect(effects.map(({ kind }) => kind)).toEqual(['effect.withdraw', 'snapshot.drop', 'vmm.restore']);
    expect(names(driver)).toEqual([]);
  });
});

describe('names', () => {
  it.each(['run-1', 'scheduled-20260101-1200', '-a', 'a-', 'A', '', 'a/b', 'a'.repeat(64)])('%j is none', (name) => {
    expect(snapshotNameSchema.safeParse(name).success).toBe(false);
  });

  it('are given once, known ones are deleted, and there are only so many', () => {
    const driver = running();
    const at = START + 90_000;
    expect(refusalReason(driver.snapshot(), { type: 'delete_snapshot', at, by, name: 'kept' })).toBe(
      'snapshot_not_found',
    );
    expect(refusalReason(driver.snapshot(), { ...bringBack('running'), at })).toBe('snapshot_not_found');
    for (let made = 0; made < SNAPSHOTS_MAX; made++) keep(driver, 1_000 + made, `kept-${made}`);
    expect(driver.send(2_000, create('kept-3')).accepted).toBe(false);
    expect(refusalReason(driver.snapshot(), { ...create('kept-3'), at })).toBe('snapshot_exists');
    expect(driver.send(2_000, create('more')).accepted).toBe(false);
    expect(refusalReason(driver.snapshot(), { ...create('more'), at })).toBe('snapshot_limit');
    driver.send(3_000, { type: 'delete_snapshot', by, name: 'kept-3' });
    expect(driver.effects('snapshot.drop')).toMatchObject([{ run: 0, snapshot: 'kept-3' }]);
    expect(driver.facts('snapshot.deleted')).toMatchObject([{ name: 'kept-3' }]);
    expect(driver.send(4_000, create('kept-3')).accepted).toBe(true);
  });
});

describe('bringing one back', () => {
  function stopped(parts: Parameters<typeof definition>[0] = {}): Driver {
    const driver = running(parts);
    keep(driver, 1_000);
    driver.send(2_000, { type: 'stop', by });
    driver.send(2_100, exited(1, 0));
    return driver;
  }

  it.each(['running', 'capturing', 'stopping'] as const)('is refused while a VMM lives: %s', (where) => {
    const driver = running();
    keep(driver, 1_000);
    if (where === 'capturing') driver.send(2_000, create('other'));
    if (where === 'stopping') driver.send(2_000, { type: 'stop', by });
    expect(driver.lifecycle()).toBe(where);
    expect(driver.send(3_000, bringBack('running')).accepted).toBe(false);
  });

  it('takes a copy, so that the named one stays, and the guest runs in a new run', () => {
    const driver = stopped();
    driver.send(3_000, bringBack('running'));
    expect(driver.effects('snapshot.copy')).toMatchObject([{ snapshot: 'kept', as: 'run-1-kept' }]);
    driver.send(3_500, done('snapshot.copy', 1));
    expect(driver.effects('vmm.restore')).toMatchObject([{ run: 2, snapshot: 'run-1-kept' }]);
    driver.send(3_600, done('vmm.restore', 2));
    driver.send(3_700, done('guest.set_clock', 2));
    expect([leaf(driver), names(driver)]).toEqual(['running', ['kept']]);
    expect(driver.facts('snapshot.restored')).toMatchObject([{ name: 'kept' }]);
  });

  it('of a sleeper replaces what it slept in only once the copy is there', () => {
    const driver = running();
    keep(driver, 1_000);
    driver.send(2_000, { type: 'standby', by });
    for (const event of [done('vmm.pause', 1), done('vmm.snapshot', 1), exited(1, null)]) driver.send(2_000, event);
    driver.send(3_000, bringBack('standby'));
    driver.send(3_500, failed('snapshot.copy', 1));
    expect([leaf(driver), driver.snapshot().context.snapshot?.name]).toEqual(['standby.sleeping', 'run-1']);
    driver.send(4_000, bringBack('standby'));
    driver.send(4_500, done('snapshot.copy', 1));
    expect([leaf(driver), driver.snapshot().context.snapshot?.name]).toEqual(['standby.sleeping', 'run-1-kept']);
    expect(driver.effects('snapshot.drop').at(-1)).toMatchObject({ snapshot: 'run-1' });
    driver.send(5_000, bringBack('standby'));
    expect(driver.effects('snapshot.copy').at(-1)).toMatchObject({ snapshot: 'kept', as: 'run-1-kept-again' });
  });

  it('brings nothing of the restart status of then back, and nothing is owed to the last end any more', () => {
    const driver = running({ restart_policy: ON_FAILURE });
    keep(driver, 1_000);
    for (const run of [1, 2]) {
      driver.send(1_000 + run, exited(run, 1));
      if (run === 1) bootUp(driver, 1_002);
    }
    expect(driver.region('restart')).toBe('backoff');
    driver.send(2_000, bringBack('standby'));
    driver.send(2_100, done('snapshot.copy', 2));
    driver.until(3_600_000);
    expect([leaf(driver), driver.restart()]).toMatchObject(['standby.sleeping', { attempts: 1 }]);
    expect(driver.facts('restart.cancelled')).toHaveLength(1);
    expect(driver.effects('vmm.boot')).toHaveLength(2);
  });

  it('the copy has a name that a snapshot may have, however long the name of the other is', () => {
    const longest = 'a'.repeat(63);
    const driver = running();
    keep(driver, 1_000, longest);
    driver.send(2_000, { type: 'stop', by });
    driver.send(2_000, exited(1, 0));
    for (const [atMs, from] of [
      [3_000, 'run-1-aaa'],
      [4_000, 'run-1-aaa'],
    ] as const) {
      driver.send(atMs, bringBack('standby', longest));
      const copy = driver.effects('snapshot.copy').at(-1) as { as: string };
      expect(copy.as.startsWith(from) && copy.as.length <= 63, copy.as).toBe(true);
      expect(driver.snapshot().context.snapshot?.name).not.toBe(copy.as);
      driver.send(atMs + 100, done('snapshot.copy', 1));
    }
  });

  it('what is brought back asleep after a stop, and woken then, is under its restart policy again', () => {
    const driver = stopped({ restart_policy: ON_FAILURE });
    expect(driver.restart()).toMatchObject({ blocked_reason: 'manual_stop' });
    driver.send(3_000, bringBack('standby'));
    driver.send(3_500, done('snapshot.copy', 1));
    driver.send(4_000, { type: 'restore', by });
    driver.send(4_100, done('vmm.restore', 2));
    driver.send(4_200, done('guest.set_clock', 2));
    expect([leaf(driver), driver.restart()]).toEqual(['running', {}]);
    driver.send(5_000, exited(2, 1));
    expect(driver.facts('restart.attempted')).toMatchObject([{ attempt: 1, cause: 'exit' }]);
  });

  it('what is brought back asleep after a stop is not started by a policy', () => {
    const driver = stopped({ restart_policy: ALWAYS });
    driver.send(3_000, bringBack('standby'));
    driver.send(3_500, done('snapshot.copy', 1));
    driver.send(4_000, { type: 'update', by, changes: { restart_policy: { ...ALWAYS, max_attempts: 3 } } });
    driver.until(3_600_000);
    expect([leaf(driver), driver.effects('vmm.boot').length, driver.effects('vmm.restore')]).toEqual([
      'standby.sleeping',
      1,
      [],
    ]);
  });
});
