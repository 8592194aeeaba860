import { describe, expect, test } from 'vitest';
import { SNAPSHOT_LATE_MS } from '../../machines/schedule-actions.ts';
import { SimulatedClock } from '../../src/actors/clock.ts';
import type { Log } from '../../src/actors/contracts/log.ts';
import { SnapshotTurns } from '../../src/actors/snapshot-turns.ts';
import { OPERATOR, runningInstance, type SimulatedHost, simulatedHost } from './simulated-host.ts';

/** Guests whose snapshots are due in the same minute are saved a few at a time; the others run on and wait for their turn. */

const by = OPERATOR.actor;
const SECOND = 1_000;
const SAVING_MS = 10 * SECOND;
const NOON = { cron: '10 12 * * *', time_zone: 'UTC' };
const DUE = Date.parse('2026-01-01T12:10:00Z');
const schedules = { snapshot: { ...NOON, keep: 2 } };

async function scheduledHost(names: readonly string[], standbyAtOnce: number, savingMs: number | 'hang' = SAVING_MS) {
  const host = await simulatedHost({ standbyAtOnce });
  const ids: string[] = [];
  for (const name of names) {
    const id = await runningInstance(host, { name, schedules });
    ids.push(id);
    await host.control.setFault(id, 'snapshot', savingMs === 'hang' ? 'hang' : { slow: savingMs });
  }
  return { host, ids, until: (at: number) => host.clock.advance(at - host.clock.now()) };
}

const waiting = ({ supervisor }: SimulatedHost) =>
  supervisor.capacity().held.flatMap(({ name, purpose, reason }) => (purpose === 'snapshot' ? [[name, reason]] : []));

/** Facts about snapshots of an instance, with the seconds after they were due. */
async function toldOf(host: SimulatedHost, id: string): Promise<(readonly [string, number])[]> {
  const records = await host.records(id);
  return records.flatMap(({ at, facts }) =>
    facts.flatMap((fact) => {
      const about = [Math.round((at - DUE) / SECOND)] as const;
      if (fact.type === 'snapshot.created') return [['created', ...about] as const];
      return fact.type === 'schedule.skipped' ? [[fact.cause, ...about] as const] : [];
    }),
  );
}

describe('snapshots that are due in the same minute', () => {
  test('are taken so many at once, in one order, and each under the name of its minute', async () => {
    const { host, ids, until } = await scheduledHost(['a', 'b', 'c', 'd', 'e'], 2);
    await until(DUE + SECOND);
    expect(host.supervisor.capacity().standbys).toEqual({ used: 2, limit: 2 });
    expect(waiting(host)).toEqual(['c', 'd', 'e'].map((name) => [name, 'standby_slots']));
    let most = 0;
    for (let waited = 0; waited < 60 * SECOND; waited += SECOND) {
      most = Math.max(most, host.supervisor.capacity().standbys.used);
      await host.clock.advance(SECOND);
    }
    expect([most, waiting(host)]).toEqual([2, []]);
    const told = await Promise.all(ids.map((id) => toldOf(host, id)));
    expect(told.map(([first]) => first)).toEqual([10, 10, 20, 20, 30].map((at) => ['created', at]));
    expect(host.instances.list().flatMap(({ snapshots = [] }) => snapshots.map(({ name }) => name))).toEqual(
      ids.map(() => 'scheduled-20260101-1210'),
    );
  });

  test('share their places with guests that are put away, and keep nobody from an operator', async () => {
    const { host, ids, until } = await scheduledHost(['a', 'b', 'c'], 1);
    await until(DUE - SECOND);
    await host.supervisor.command(ids[2]!, { type: 'standby', by }, OPERATOR);
    await until(DUE + SECOND);
    // Nothing comes of the minute of the one that is on its way to sleep, as ever.
    expect([await toldOf(host, ids[2]!), waiting(host).map(([name]) => name)]).toEqual([[['state', 0]], ['a', 'b']]);
    await host.supervisor.command(ids[1]!, { type: 'create_snapshot', by, name: 'at-once' }, OPERATOR);
    await host.clock.settle();
    expect(host.supervisor.capacity().standbys.used).toBe(2);
    await host.clock.advance(60 * SECOND);
    expect(waiting(host)).toEqual([]);
    expect(host.instances.list().map(({ snapshots }) => snapshots?.map(({ name }) => name))).toEqual([
      ['scheduled-20260101-1210'],
      ['at-once', 'scheduled-20260101-1210'],
      undefined,
    ]);
  });

  test('are skipped, with the cause, when their turn has not come for too long', async () => {
    // Each is given up after a minute in which its disk does not answer.
    const names = [...'abcdefghijklmnopqr'];
    const { host, ids, until } = await scheduledHost(names, 1, 'hang');
    await until(DUE + SNAPSHOT_LATE_MS - SECOND);
    expect(waiting(host).map(([name]) => name)).toEqual(['p', 'q', 'r']);
    const [first] = host.supervisor.capacity().held;
    expect(first).toMatchObject({ purpose: 'snapshot', retry_at: DUE + SNAPSHOT_LATE_MS });
    await host.clock.advance(2 * SECOND);
    expect(waiting(host)).toEqual([]);
    for (const id of ids.slice(-3)) {
      expect(await toldOf(host, id)).toEqual([['no turn', SNAPSHOT_LATE_MS / SECOND]]);
      expect(host.instances.get(id)?.phase).toBe('running');
    }
  });

  test('are made up for after a restart of the daemon, a few at a time too', async () => {
    const { host, ids, until } = await scheduledHost(['a', 'b', 'c', 'd'], 1);
    await until(DUE + SECOND);
    await host.restart();
    await host.clock.advance(SECOND);
    let most = 0;
    for (let waited = 0; waited < 90 * SECOND; waited += SECOND) {
      most = Math.max(most, host.supervisor.capacity().standbys.used);
      await host.clock.advance(SECOND);
    }
    expect([most, waiting(host)]).toEqual([1, []]);
    const kept = ids.map((id) => host.instances.get(id)?.snapshots?.length ?? 0);
    // What was under way when the daemon ended had been heard of.
    expect(kept).toEqual([0, 1, 1, 1]);
  });

  test('are told to be missed when a restart of the daemon finds them too old to be made up for', async () => {
    const { host, ids, until } = await scheduledHost([...'abcdefghijklmnop'], 1, 'hang');
    await until(DUE + 12 * 60 * SECOND);
    const left = waiting(host).map(([name]) => name);
    expect(left.length).toBeGreaterThan(0);
    await host.restart();
    await host.clock.advance(SECOND);
    expect(waiting(host)).toEqual([]);
    for (const id of ids.slice(-left.length)) expect(await toldOf(host, id)).toMatchObject([['missed', 720]]);
    await host.restart();
    await host.clock.advance(SECOND);
    for (const id of ids.slice(-left.length)) expect(await toldOf(host, id)).toHaveLength(1);
  });

  test('need room on disk as those that people ask for: where there is none nothing is written, and that is said', async () => {
    const { host, ids, until } = await scheduledHost(['a', 'b'], 2);
    const { memory_bytes } = (await host.supervisor.look(ids[0]!)).context.definition!;
    const limits = { memory_bytes: 2 ** 40, vcpus: 64, overcommit: { memory: 1, vcpus: 1, disk: 1 } };
    // Both run, and there is room for one snapshot.
    await host.restart({ capacity: { ...limits, disk_bytes: 3 * memory_bytes } });
    await until(DUE + 30 * SECOND);
    expect(await toldOf(host, ids[0]!)).toEqual([['created', 10]]);
    expect(await toldOf(host, ids[1]!)).toEqual([['no room on disk', 0]]);
    expect(host.instances.get(ids[1]!)).toMatchObject({ state: 'Running' });
    expect(host.supervisor.capacity().disk_bytes).toEqual({ used: 3 * memory_bytes, limit: 3 * memory_bytes });
    expect((await host.records(ids[1]!)).at(-1)).toMatchObject({ event: { type: 'schedule.due', left_out: 'disk' } });
  });

  test('keep no places when their minutes pile up while the log takes nothing', async () => {
    let isCut = false;
    const refused = { kind: 'refused', reason: 'unavailable', message: 'told to be cut off' } as const;
    const log = (inner: Log): Log => ({
      ...inner,
      append: (...args) => (isCut ? Promise.resolve(refused) : inner.append(...args)),
    });
    const host = await simulatedHost({ standbyAtOnce: 1 }, { log });
    const id = await runningInstance(host, {
      schedules: { snapshot: { cron: '* * * * *', time_zone: 'UTC', keep: 2 } },
    });
    isCut = true;
    await host.clock.advance(5 * 60 * SECOND);
    isCut = false;
    await host.clock.advance(30 * SECOND);
    expect(host.instances.get(id)?.snapshots?.length).toBeGreaterThan(0);
    expect(host.supervisor.capacity().standbys).toEqual({ used: 0, limit: 1 });
  });

  test('wait for nobody who is gone', async () => {
    const { host, ids, until } = await scheduledHost(['a', 'b', 'c'], 1);
    await until(DUE + SECOND);
    await host.supervisor.command(ids[1]!, { type: 'delete', by }, OPERATOR);
    await host.clock.advance(5 * SECOND);
    expect(waiting(host).map(([name]) => name)).toEqual(['c']);
    await host.clock.advance(30 * SECOND);
    expect(host.instances.get(ids[2]!)?.snapshots).toHaveLength(1);
  });

  test('of guests that do not run take no place: that nothing comes of them is said at once', async () => {
    const { host, ids, until } = await scheduledHost(['a', 'b', 'c'], 1);
    for (const id of ids.slice(0, 2)) await host.supervisor.command(id, { type: 'stop', by, force: true }, OPERATOR);
    await until(DUE + SECOND);
    expect(await toldOf(host, ids[0]!)).toEqual([['state', 0]]);
    expect(await toldOf(host, ids[1]!)).toEqual([['state', 0]]);
    expect(host.instances.get(ids[2]!)?.phase).toBe('capturing');
  });

  test('are told to be too late in time, also one of an earlier minute that is made up for when others wait', async () => {
    const clock = new SimulatedClock(DUE);
    const late: [string, number][] = [];
    const turns = new SnapshotTurns({ clock, tooLate: ({ id }) => late.push([id, clock.now() - DUE]) });
    turns.add({ id: 'b', name: 'b', since: DUE });
    turns.add({ id: 'a', name: 'a', since: DUE - 300 * SECOND });
    await clock.advance(SNAPSHOT_LATE_MS - 300 * SECOND);
    expect(late).toEqual([['a', SNAPSHOT_LATE_MS - 300 * SECOND]]);
    await clock.advance(300 * SECOND);
    expect(late.slice(1)).toEqual([['b', SNAPSHOT_LATE_MS]]);
  });
});
