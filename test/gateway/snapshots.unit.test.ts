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
    await expect(settled('create_snapshot', { name: 'before' })).rejects.toMatchObject({ code: 'snapshot_exists' });
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
  await expect(settled('restore_snapshot', { name: 'before' })).rejects.toMatchObject({ code: 'invalid_state' });
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
