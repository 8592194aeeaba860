/** Goal: named snapshots are taken, listed, brought back and deleted as the doors promise. Method: the simulator, in simulated time. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Reply } from '../../src/gateway/use-cases/contract.ts';
import type { SnapshotList } from '../../src/gateway/use-cases/snapshots.ts';
import { gatewayScene, OPERATOR, type Scene, viewIn } from './gateway-scene.ts';

let scene: Scene;
let web: string;
beforeEach(async () => {
  scene = await gatewayScene();
  web = await scene.running('web');
});
afterEach(() => scene.close());

const GIBIBYTE = 1024 ** 3;
const LIMITS = { vcpus: 64, overcommit: { memory: 1, vcpus: 1, disk: 1 } };

const settled = (verb: 'create_snapshot' | 'delete_snapshot' | 'restore_snapshot' | 'standby' | 'stop', more = {}) =>
  scene.during(scene.useCases[verb]({ id: 'web', wait: '1m', ...more }, OPERATOR));
const list = async (): Promise<SnapshotList> =>
  (await scene.useCases.list_snapshots({ id: 'web' }, OPERATOR)).body as SnapshotList;
const memory = async (): Promise<string> => (await scene.control.state(web)).live[0]?.memory ?? '';
const outcome = ({ status, outcome: of, body }: Reply) => ({
  status,
  outcome: of,
  state: (body as { state: string }).state,
});

describe('a snapshot of a running guest', () => {
  test('is taken under its name, and the guest goes on', async () => {
    await scene.control.writeMemory(web, 'something');
    const taken = await settled('create_snapshot', { name: 'before' });
    expect(outcome(taken)).toEqual({ status: 200, outcome: 'reached', state: 'Running' });
    expect(viewIn(taken)).toMatchObject({ run: 1, snapshots: [{ name: 'before', run: 1, by: 'ada' }] });
    expect(await list()).toMatchObject({ snapshots: [{ name: 'before', run: 1 }], sleeping: null, most: 16 });
    expect((await list()).snapshots[0]?.size_bytes).toBeGreaterThan(0);
  });

  test('is refused under a name that is taken', async () => {
    await settled('create_snapshot', { name: 'before' });
    await expect(settled('create_snapshot', { name: 'before' })).rejects.toMatchObject({
      code: 'snapshot_exists',
      message: 'web has a snapshot before already.',
    });
  });

  test.each(['delete_snapshot', 'restore_snapshot'] as const)('is named where there is none: %s', async (verb) => {
    await expect(settled(verb, { name: 'nosuch' })).rejects.toMatchObject({
      code: 'snapshot_not_found',
      field: 'name',
      message: 'web has no snapshot nosuch.',
    });
  });

  test('is missed, and leaves nothing, when it cannot be written', async () => {
    await scene.control.setFault(web, 'snapshot', 'no_room');
    expect(outcome(await settled('create_snapshot', { name: 'before' }))).toMatchObject({
      outcome: 'missed',
      state: 'Running',
    });
    expect((await list()).snapshots).toEqual([]);
  });
});

describe('without memory for one more guest', () => {
  const full = { ...LIMITS, memory_bytes: GIBIBYTE, disk_bytes: 64 * GIBIBYTE };

  beforeEach(async () => {
    await scene.close();
    scene = await gatewayScene({}, { capacity: full });
    web = await scene.running('web');
    await settled('create_snapshot', { name: 'before' });
  });

  test.each([
    ['waking', 'standby', (): Promise<Reply> => scene.useCases.restore({ id: 'web' }, OPERATOR)],
    [
      'bringing a snapshot back',
      'stop',
      () => scene.useCases.restore_snapshot({ id: 'web', name: 'before' }, OPERATOR),
    ],
  ] as const)('%s is refused and changes nothing', async (_what, first, ask) => {
    await settled(first);
    await scene.running('db');
    const records = await scene.countRecords();
    await expect(ask()).rejects.toMatchObject({ code: 'insufficient_resources', status: 409, field: 'size' });
    expect(await scene.countRecords()).toBe(records);
  });

  test('a fork that would run is refused, and its source goes on without a snapshot', async () => {
    const fork = scene.useCases.fork({ id: 'web', name: 'copy', from_running: true }, OPERATOR);
    await expect(scene.during(fork)).rejects.toMatchObject({ code: 'insufficient_resources' });
    await scene.clock.advance(60_000);
    expect(scene.instances.get(web)).toMatchObject({ state: 'Running', snapshots: [{ name: 'before' }] });
  });
});

describe('on a disk that holds two memories', () => {
  const memories = (count: number): number => count * GIBIBYTE;
  const disk = (): unknown => scene.supervisor.capacity().disk_bytes;

  beforeEach(async () => {
    await scene.close();
    scene = await gatewayScene({}, { capacity: { ...LIMITS, memory_bytes: memories(64), disk_bytes: memories(2) } });
    web = await scene.running('web');
  });

  test('a snapshot takes its room until it is deleted, and the next one is refused meanwhile', async () => {
    expect(disk()).toEqual({ used: memories(1), limit: memories(2) });
    await settled('create_snapshot', { name: 'one' });
    expect(disk()).toEqual({ used: memories(2), limit: memories(2) });
    const records = await scene.countRecords();
    await expect(settled('create_snapshot', { name: 'two' })).rejects.toMatchObject({
      code: 'insufficient_resources',
      details: { resource: 'disk', needed: memories(1), free: 0 },
    });
    expect(await scene.countRecords()).toBe(records);
    await settled('delete_snapshot', { name: 'one' });
    expect(disk()).toEqual({ used: memories(1), limit: memories(2) });
    await settled('create_snapshot', { name: 'two' });
    expect((await list()).snapshots).toMatchObject([{ name: 'two' }]);
  });

  test('a stopped guest runs from its snapshot in the room that is left, and a sleeping one has none for a second copy', async () => {
    await settled('create_snapshot', { name: 'one' });
    await settled('stop');
    expect(disk()).toEqual({ used: memories(1), limit: memories(2) });
    expect(outcome(await settled('restore_snapshot', { name: 'one' }))).toMatchObject({ state: 'Running' });
    await settled('standby');
    expect(disk()).toEqual({ used: memories(2), limit: memories(2) });
    await expect(settled('restore_snapshot', { name: 'one' })).rejects.toMatchObject({
      code: 'insufficient_resources',
    });
    expect(outcome(await settled('stop'))).toMatchObject({ state: 'Stopped' });
    expect(disk()).toEqual({ used: memories(1), limit: memories(2) });
  });

  test('what was deleted takes nothing', async () => {
    await settled('create_snapshot', { name: 'one' });
    await scene.during(scene.useCases.delete({ id: 'web', wait: '1m' }, OPERATOR));
    expect(disk()).toEqual({ used: 0, limit: memories(2) });
  });
});

test('a stopped instance goes on from its snapshot, which stays', async () => {
  await scene.control.writeMemory(web, 'then');
  await settled('create_snapshot', { name: 'before' });
  await scene.control.writeMemory(web, 'now');
  await settled('stop');
  expect(outcome(await settled('restore_snapshot', { name: 'before' }))).toEqual({
    status: 200,
    outcome: 'reached',
    state: 'Running',
  });
  expect(await memory()).toBe('then');
  expect((await list()).snapshots).toMatchObject([{ name: 'before' }]);
});

test('a snapshot can be brought back asleep', async () => {
  await settled('create_snapshot', { name: 'before' });
  await settled('stop');
  const asleep = await settled('restore_snapshot', { name: 'before', then: 'standby' });
  expect(outcome(asleep)).toEqual({ status: 200, outcome: 'reached', state: 'Standby' });
});

test('bringing back is refused while the guest runs', async () => {
  await settled('create_snapshot', { name: 'before' });
  await expect(settled('restore_snapshot', { name: 'before' })).rejects.toMatchObject({
    code: 'invalid_state',
    message: expect.stringContaining('stop it first'),
  });
});

test('a sleeping guest has its memory copied, and sleeps on', async () => {
  await settled('standby');
  expect(outcome(await settled('create_snapshot', { name: 'asleep' }))).toMatchObject({
    outcome: 'reached',
    state: 'Standby',
  });
  expect(await list()).toMatchObject({ snapshots: [{ name: 'asleep', run: 1 }], sleeping: { run: 1 } });
});

test('a deleted snapshot is gone, and its name is free again', async () => {
  await settled('create_snapshot', { name: 'before' });
  expect(outcome(await settled('delete_snapshot', { name: 'before' }))).toMatchObject({ outcome: 'reached' });
  expect((await list()).snapshots).toEqual([]);
  expect(outcome(await settled('create_snapshot', { name: 'before' }))).toMatchObject({ outcome: 'reached' });
});
