/** Goal: who holds an instance is told the truth: awake until then, nothing to hold, or too late. Method: the simulator, in simulated time. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StandbyReport } from '../../src/gateway/use-cases/standby-status.ts';
import { gatewayScene, OPERATOR, SCENE_START_MS, type Scene } from './gateway-scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await gatewayScene();
});
afterEach(() => scene.close());

const POLICY = { auto_standby: { enabled: true, idle_timeout: '10m' } };

async function hold(id: string, more: object = {}, commandId?: string): Promise<StandbyReport> {
  const caller = commandId === undefined ? OPERATOR : { ...OPERATOR, commandId };
  const { status, body } = await scene.during(scene.useCases.hold({ id, ...more }, caller));
  expect(status).toBe(200);
  return body as StandbyReport;
}

const report = async (id: string): Promise<StandbyReport> =>
  (await scene.useCases.auto_standby_status({ id }, OPERATOR)).body as StandbyReport;
const inMinutes = (time: string | undefined): number =>
  Math.round((Date.parse(time ?? '') - scene.clock.now()) / 60_000);

describe('of a running instance with a policy', () => {
  beforeEach(async () => {
    await scene.running('web', POLICY);
    await scene.clock.advance(1_000);
  });

  test('lasts as long as the policy waits for, and is told with the status', async () => {
    const held = await hold('web');
    expect(held).toMatchObject({ status: 'idle_countdown', eligible: true });
    expect(inMinutes(held.hold_until)).toBe(10);
    expect(held.next_standby_at).toBe(held.hold_until);
  });

  test('is replaced by the next one, also by a shorter one', async () => {
    await hold('web', { for: '2h' });
    expect(inMinutes((await hold('web', { for: '20m' })).hold_until)).toBe(20);
    expect(inMinutes((await hold('web', { until: '2026-01-01T18:00:00Z' })).hold_until)).toBe(
      Math.round((SCENE_START_MS + 6 * 3_600_000 - scene.clock.now()) / 60_000),
    );
  });

  test('keeps it awake until then, and is not shown any more afterwards', async () => {
    await hold('web', { for: '30m' });
    await scene.clock.advance(29 * 60_000);
    expect(scene.instances.list()[0]?.state).toBe('Running');
    await scene.clock.advance(2 * 60_000);
    expect(scene.instances.list()[0]?.state).toBe('Standby');
    expect(await report('web')).not.toHaveProperty('hold_until');
  });

  test('is shown by a look at the instance, until it has elapsed', async () => {
    const look = async (): Promise<object> => (await scene.useCases.get({ id: 'web' }, OPERATOR)).body as object;
    expect(await look()).not.toHaveProperty('hold_until');
    await scene.control.traffic(scene.instances.list()[0]!.id, { open: 'c1' });
    const { hold_until } = await hold('web', { for: '30m' });
    expect(await look()).toMatchObject({ state: 'Running', hold_until });
    await scene.clock.advance(31 * 60_000);
    expect(await look()).toMatchObject({ state: 'Running' });
    expect(await look()).not.toHaveProperty('hold_until');
  });

  test('comes too late once it sleeps', async () => {
    await scene.during(scene.useCases.standby({ id: 'web', wait: '1m' }, OPERATOR));
    await expect(hold('web')).rejects.toMatchObject({ code: 'instance_in_standby', status: 409 });
    await expect(hold('web', { for: '1h' })).rejects.toMatchObject({ code: 'instance_in_standby' });
  });

  test('is answered alike when it is repeated by its id, although it sleeps by now', async () => {
    const first = await hold('web', {}, 'hold-1');
    await scene.during(scene.useCases.standby({ id: 'web', wait: '1m' }, OPERATOR));
    expect((await hold('web', {}, 'hold-1')).hold_until).toBe(first.hold_until);
  });
});

describe('on the way to sleep', () => {
  const asleepSoon = async (): Promise<string> => {
    const id = await scene.running('web', POLICY);
    await scene.control.setFault(id, 'snapshot', { slow: 5_000 });
    return id;
  };
  const state = (): string => scene.instances.list()[0]!.state;

  test('wakes a guest that nobody talked to, and is kept', async () => {
    await asleepSoon();
    await scene.clock.advance(10 * 60_000 + 2_000);
    expect(state()).toBe('Paused');
    const held = await hold('web', { for: '30m' });
    expect(inMinutes(held.hold_until)).toBe(30);
    await scene.clock.advance(29 * 60_000);
    expect(state()).toBe('Running');
  });

  test('comes too late where an operator sends it to sleep', async () => {
    await asleepSoon();
    await scene.useCases.standby({ id: 'web' }, OPERATOR);
    await scene.clock.advance(1_000);
    expect(state()).toBe('Paused');
    await expect(hold('web')).rejects.toMatchObject({ code: 'instance_in_standby', status: 409 });
  });

  test('comes too late past the point of no return', async () => {
    const id = await scene.running('web', POLICY);
    await scene.control.setFault(id, 'kill', { slow: 5_000 });
    await scene.clock.advance(10 * 60_000 + 2_000);
    expect(scene.instances.list()[0]!.phase).toBe('stopping');
    await expect(hold('web')).rejects.toMatchObject({ code: 'instance_in_standby', status: 409 });
  });
});

test.each([
  ['without a policy', {}, 'policy_missing'],
  ['with a policy that is off', { auto_standby: { enabled: false } }, 'policy_disabled'],
  ['without a network', { ...POLICY, network: { enabled: false } }, 'network_disabled'],
  ['that is stopped', { ...POLICY, start: false, wait: '1m' }, 'instance_not_running'],
])('of an instance %s records nothing and tells how it stands', async (_what, more, reason) => {
  await scene.running('web', more);
  const records = await scene.countRecords();
  const told = await hold('web');
  expect(told).toMatchObject({ eligible: false, reason });
  expect(told).not.toHaveProperty('hold_until');
  expect(await scene.countRecords()).toBe(records);
});

test.each([
  ['asleep', {}],
  ['on its way there', { slow: 5_000 }],
])('of an instance without a policy that an operator put to sleep comes too late: %s', async (_what, slow) => {
  const id = await scene.running('web');
  if ('slow' in slow) await scene.control.setFault(id, 'snapshot', slow as { slow: number });
  await scene.useCases.standby({ id: 'web' }, OPERATOR);
  await scene.clock.advance(2_000);
  await expect(hold('web')).rejects.toMatchObject({
    code: 'instance_in_standby',
    message: 'web is in standby, or on its way there; restore it first.',
  });
});

test('of a length that is named needs no policy', async () => {
  await scene.running('web');
  expect(inMinutes((await hold('web', { for: '1h' })).hold_until)).toBe(60);
});

test('the status says what keeps the guest awake, and who talks to it', async () => {
  const id = await scene.running('web', POLICY);
  await scene.control.traffic(id, { open: 'c1' });
  await scene.clock.advance(10_000);
  expect(await report('web')).toMatchObject({
    status: 'active',
    why_awake: 'connection',
    active_inbound_connections: 1,
  });
  expect((await report('web')).connections).toHaveLength(1);
});

test('where nothing watches traffic, that is why a guest is awake', async () => {
  await scene.close();
  scene = await gatewayScene({}, { activity: undefined });
  await scene.running('web', POLICY);
  const unsupported = { supported: false, eligible: false, status: 'unsupported', reason: 'unsupported_platform' };
  const none = { tracking_mode: 'none', observer: null, connections: [], why_awake: 'observer_blind' };
  expect(await report('web')).toMatchObject({ ...unsupported, ...none, configured: true, enabled: true });
  expect(await hold('web')).not.toHaveProperty('hold_until');
});

test('the status of a sleeping guest says since when and for whom it sleeps', async () => {
  await scene.running('web', POLICY);
  await scene.during(scene.useCases.standby({ id: 'web', wait: '1m' }, OPERATOR));
  expect(await report('web')).toMatchObject({ why_awake: null, requested_by: 'operator', queue: null });
  expect((await report('web')).asleep_since).not.toBeNull();
});
