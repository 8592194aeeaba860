/** Goal: a fork begins where its source is, keeps nothing that is the source's own, and leaves nothing behind. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Caller, Reply } from '../../src/gateway/use-cases/contract.ts';
import { forkingName } from '../../src/gateway/use-cases/fork-source.ts';
import type { WholeView } from '../../src/gateway/use-cases/readings.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { gatewayScene, OPERATOR, type Scene, viewIn } from './gateway-scene.ts';

const POLICIES = {
  restart_policy: { policy: 'on_failure', max_attempts: 3 },
  health_check: { tcp: { port: 80 } },
  auto_standby: { enabled: true, idle_timeout: '1h' },
  schedules: { wake: { cron: '0 6 * * *' } },
};

let scene: Scene;
let web: string;
beforeEach(async () => {
  scene = await gatewayScene();
  const network = { ports: [{ guest_port: 80 }] };
  web = await scene.running('web', { ...POLICIES, network, ttl: '24h' });
  await scene.control.writeMemory(web, 'where it was');
});
afterEach(() => scene.close());

const fork = (more: object, caller: Caller = OPERATOR): Promise<Reply> =>
  scene.during(scene.useCases.fork({ id: 'web', name: 'copy', wait: '1m', ...more }, caller));
const send = (verb: 'stop' | 'standby' | 'create_snapshot' | 'restore', more = {}): Promise<Reply> =>
  scene.during(scene.useCases[verb]({ id: 'web', wait: '1m', ...more }, OPERATOR));
const source = (): InstanceView => scene.instances.get(web)!;
const memoryOf = async (id: string): Promise<string | null> => (await scene.control.state(id)).live[0]?.memory ?? null;

describe('of a running guest', () => {
  test('runs where the source was, which goes on in the same run', async () => {
    const forked = await fork({ from_running: true });
    expect(forked).toMatchObject({ status: 201, outcome: 'reached' });
    expect(viewIn(forked)).toMatchObject({ name: 'copy', state: 'Running' });
    expect(await memoryOf(viewIn(forked).id)).toBe('where it was');
    expect(source()).toMatchObject({ state: 'Running', run: 1 });
  });

  test('takes over the policies, and neither ports nor expiry nor what became of the source', async () => {
    const copy = viewIn(await fork({ from_running: true }));
    const { restart_policy, health_check, auto_standby, schedules } = source();
    expect(copy).toMatchObject({ restart_policy, health_check, auto_standby, schedules, expires_at: null });
    expect(copy.network.ports[0]).toMatchObject({ guest_port: 80 });
    expect(copy.network.ports[0]?.host_port).not.toBe(source().network.ports[0]?.host_port);
    expect(copy.restart_status).toBeUndefined();
    expect(source().expires_at).not.toBeNull();
  });

  test('left asleep is not wanted running: it lists no next wake, and says why, until it is woken', async () => {
    const { id } = viewIn(await fork({ from_running: true, target_state: 'Standby' }));
    const shown = async () => (await scene.useCases.get({ id }, OPERATOR)).body as WholeView;
    expect(await shown()).toMatchObject({ next_scheduled: {}, schedules_in_vain: { wake: 'not wanted' } });
    await scene.during(scene.useCases.restore({ id, wait: '1m' }, OPERATOR));
    const woken = await shown();
    expect(woken.next_scheduled).toEqual({ wake: '2026-01-02T06:00:00.000Z' });
    expect(woken).not.toHaveProperty('schedules_in_vain');
  });

  test('begins its own life: nothing that became of the source, was counted of it or promised to it goes with it', async () => {
    await scene.control.guestExit(web, 1);
    await scene.clock.advance(10_000);
    const until = scene.clock.now() + 3_600_000;
    await scene.supervisor.command(web, { type: 'hold', by: 'ada', until }, { actor: 'ada', via: 'http' });
    await send('create_snapshot', { name: 'before' });
    const { context: former } = await scene.supervisor.look(web);
    expect(former).toMatchObject({ run: { number: 2 }, restart: { attempts: 1 }, standby: { hold_until: until } });
    const forkedAt = scene.clock.now();
    const { id } = viewIn(await fork({ from_running: true }));
    const { context } = await scene.supervisor.look(id);
    expect(context).toMatchObject({
      run: { number: 1, exit: null },
      restart: { attempts: 0, last_attempt_at: null, blocked_reason: null, history: [] },
      standby: { hold_until: null },
      snapshots: [],
    });
    const { run, standby, health, created_at } = context;
    const { awake_since, idle_since } = standby;
    for (const at of [run.started_at, awake_since, idle_since, health.window_started_at, created_at]) {
      expect(at).toBeGreaterThanOrEqual(forkedAt);
    }
    expect(run.pid).not.toBe(source().pid);
  });

  test('leaves no snapshot with the source', async () => {
    await fork({ from_running: true });
    await scene.clock.advance(60_000);
    expect(source().snapshots).toBeUndefined();
  });

  test('is refused unless it is said that the guest may be paused', async () => {
    await expect(fork({})).rejects.toMatchObject({
      code: 'invalid_state',
      message: expect.stringContaining('(--from-running)'),
    });
  });

  test('can be left asleep', async () => {
    expect(viewIn(await fork({ from_running: true, target_state: 'Standby' }))).toMatchObject({
      state: 'Standby',
      run: 0,
    });
  });

  test('that is to be stopped troubles nobody', async () => {
    const records = source().version;
    expect(viewIn(await fork({ from_running: true, target_state: 'Stopped' }))).toMatchObject({ state: 'Stopped' });
    expect(source().version).toBe(records);
  });

  test('under a name that is taken takes no snapshot', async () => {
    await scene.running('copy', { start: false, wait: '1m' });
    const before = source().version;
    await expect(fork({ from_running: true })).rejects.toMatchObject({ code: 'name_conflict', field: 'name' });
    expect(source().version).toBe(before);
  });
});

test('a fork of a sleeping guest sleeps, and can wake at once', async () => {
  await send('standby');
  expect(viewIn(await fork({}))).toMatchObject({ state: 'Standby' });
  const awake = viewIn(await fork({ name: 'awake', target_state: 'Running' }));
  expect(awake.state).toBe('Running');
  expect(await memoryOf(awake.id)).toBe('where it was');
  expect(source()).toMatchObject({ state: 'Standby', run: 1 });
});

test('a fork of a stopped instance is stopped, or boots, and it is told whose fork it is', async () => {
  await send('stop');
  const forked_from = { instance: web, snapshot: null };
  expect(viewIn(await fork({}))).toMatchObject({ state: 'Stopped', run: 0, forked_from });
  const up = viewIn(await fork({ name: 'up', target_state: 'Running' }));
  expect(up).toMatchObject({ state: 'Running', run: 1, forked_from });
});

test('a fork that is to be stopped has no memory of a snapshot either, and it is told whose fork it is', async () => {
  await send('create_snapshot', { name: 'before' });
  const copy = viewIn(await fork({ snapshot: 'before', target_state: 'Stopped' }));
  expect(copy).toMatchObject({ state: 'Stopped', forked_from: { instance: web, snapshot: null } });
  await scene.control.writeMemory(web, 'later');
  await scene.during(scene.useCases.start({ id: copy.id, wait: '1m' }, OPERATOR));
  expect(await memoryOf(copy.id)).not.toBe('where it was');
});

test('a fork of a snapshot begins with it, and the snapshot stays', async () => {
  await send('create_snapshot', { name: 'before' });
  await scene.control.writeMemory(web, 'later');
  const copy = viewIn(await fork({ snapshot: 'before' }));
  expect(copy).toMatchObject({ state: 'Running', forked_from: { instance: web, snapshot: 'before' } });
  expect(await memoryOf(copy.id)).toBe('where it was');
  expect(source().snapshots).toMatchObject([{ name: 'before' }]);
});

test('the same fork again, by its command id, is answered alike and made once', async () => {
  const caller = { ...OPERATOR, commandId: 'fork-1' };
  const [first, meanwhile] = await Promise.all([
    fork({ from_running: true }, caller),
    fork({ from_running: true }, caller),
  ]);
  const again = await fork({ from_running: true }, caller);
  expect(new Set([first, meanwhile, again].map((reply) => viewIn(reply).id)).size).toBe(1);
  const other = fork({ from_running: true, target_state: 'Standby' }, caller);
  await expect(other).rejects.toMatchObject({ code: 'idempotency_mismatch' });
  expect(scene.instances.list().map(({ name }) => name)).toEqual(['web', 'copy']);
});

describe('what a crash between the steps leaves', () => {
  const left = forkingName('', '');
  const leave = async (): Promise<string> => {
    const name = forkingName(web, 'copy');
    const meta = { actor: 'ada', via: 'http' } as const;
    await scene.supervisor.command(web, { type: 'create_snapshot', by: 'ada', name }, meta);
    await scene.clock.advance(60_000);
    expect(source().snapshots).toMatchObject([{ name }]);
    return name;
  };

  test('is removed by the next start', async () => {
    await leave();
    expect(scene.leftovers.dropAll()).toBe(1);
    await scene.clock.advance(60_000);
    expect(source().snapshots).toBeUndefined();
  });

  test('stays as long as a fork has still to take its copy', async () => {
    const snapshot = await leave();
    await scene.control.setFault('*', 'fork_snapshot', { slow: 30_000 });
    const { context } = await scene.supervisor.look(web);
    const definition = { ...context.definition!, name: 'late', network: { enabled: true, ports: [] } };
    const meta = { actor: 'ada', via: 'http' } as const;
    await scene.supervisor.create(definition, 'running', meta, { instance: web, snapshot });
    scene.leftovers.dropAll();
    await scene.clock.advance(10_000);
    expect(source().snapshots).toMatchObject([{ name: snapshot }]);
    await scene.clock.advance(60_000);
    expect(source().snapshots).toBeUndefined();
    expect(scene.instances.list().at(-1)).toMatchObject({ name: 'late', state: 'Running' });
  });

  test('is taken anew by the same fork', async () => {
    await leave();
    await scene.control.writeMemory(web, 'where it is now');
    expect(await memoryOf(viewIn(await fork({ from_running: true })).id)).toBe('where it is now');
    expect(left).toMatch(/^forking-[0-9a-f]{24}$/);
  });
});
