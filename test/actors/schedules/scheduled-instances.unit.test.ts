/**
 * Goal: instances sleep, wake and are saved at the minutes of their schedules, also over restarts of the daemon. Method: the
 * real runtime on the simulated world, its daemon stopped and started in between.
 */
import { afterEach, expect, test } from 'vitest';
import type { Definition } from '../../../machines/definition.ts';
import type { Schedules } from '../../../machines/policies.ts';
import { AddressPool, parseRange } from '../../../src/actors/address-pool.ts';
import type { SupervisorOptions } from '../../../src/actors/supervisor.ts';
import { createSimulatedNetwork } from '../../../src/adapters/simulator/simulated-network.ts';
import { siteOf } from '../../../src/cli/daemon/network.ts';
import { scriptedActivity } from '../scripted-activity.ts';
import { OPERATOR, runningInstance, type SimulatedHost, simulatedHost } from '../simulated-host.ts';

const MINUTE_MS = 60_000;
const at = (cron: string): { cron: string; time_zone: string } => ({ cron, time_zone: 'UTC' });

let host: SimulatedHost;
afterEach(() => host.supervisor.close());

const BRIDGED: Definition['network'] = { enabled: true, mode: 'bridge', ports: [], address: null, mac: null };

/** A bridged guest, with an idle timeout that never passes here; it is noon. */
async function scheduled(schedules: Schedules, options: Partial<SupervisorOptions> = {}): Promise<string> {
  const { site } = siteOf({ bridge: 'test' }, () => 'test')!;
  const bridge = { addresses: new AddressPool(parseRange('10.77.0.0/16')), network: createSimulatedNetwork(site) };
  host = await simulatedHost({ ...bridge, ...options });
  const auto_standby = { enabled: true, idle_timeout_ms: 24 * 60 * MINUTE_MS };
  return runningInstance(host, { schedules, network: BRIDGED, auto_standby });
}

async function factsOf(id: string, type: string): Promise<object[]> {
  return (await host.records(id)).flatMap(({ facts }) => facts.filter((fact) => fact.type === type));
}

const stateOf = (id: string): string | undefined => host.instances.get(id)?.state;

async function asleep(schedules: Schedules, options: Partial<SupervisorOptions> = {}): Promise<string> {
  const id = await scheduled(schedules, options);
  await host.supervisor.command(id, { type: 'standby', by: 'operator' }, OPERATOR);
  await host.clock.advance(10_000);
  expect(stateOf(id)).toBe('Standby');
  return id;
}

test('one that sleeps is woken at its minute, also when it is not in memory any more', async () => {
  const id = await asleep({ wake: at('5 12 * * *') }, { restingMax: 0 });
  await host.clock.advance(4 * MINUTE_MS);
  expect([stateOf(id), host.supervisor.status().resident]).toEqual(['Standby', 0]);
  await host.clock.advance(MINUTE_MS);
  expect(stateOf(id)).toBe('Running');
});

test('a minute that came while the daemon was down is made up for within 10 minutes, and once', async () => {
  const id = await asleep({ wake: at('5 12 * * *') });
  await host.supervisor.close();
  host.clock.stall(13 * MINUTE_MS);
  await host.restart();
  await host.clock.advance(10_000);
  expect(stateOf(id)).toBe('Running');
  await host.supervisor.command(id, { type: 'standby', by: 'operator' }, OPERATOR);
  await host.clock.advance(10_000);
  await host.restart();
  await host.clock.advance(10_000);
  expect(stateOf(id)).toBe('Standby');
});

test('one that came more than 10 minutes ago is left out, and that is said once', async () => {
  const id = await asleep({ wake: at('5 12 * * *') });
  await host.supervisor.close();
  host.clock.stall(16 * MINUTE_MS);
  for (let starts = 0; starts < 2; starts += 1) {
    await host.restart();
    await host.clock.advance(MINUTE_MS);
    expect(stateOf(id)).toBe('Standby');
    expect(await factsOf(id, 'schedule.skipped')).toMatchObject([{ schedule: 'wake', cause: 'missed' }]);
  }
});

test('an idle guest is put to sleep at its minute, long before its idle timeout; one with a connection is not, and it is said', async () => {
  const activity = scriptedActivity();
  const id = await scheduled({ standby: at('5,10 12 * * *') }, { activity });
  activity.say(id, { observer: 'in_order', connections: 1, since: host.clock.now() });
  activity.table.read = async () => ({ observer: 'in_order', connections: 1, since: 0 });
  await host.clock.advance(5 * MINUTE_MS);
  expect([stateOf(id), await factsOf(id, 'schedule.skipped')]).toMatchObject(['Running', [{ schedule: 'standby' }]]);
  activity.table.read = async () => ({ observer: 'in_order', connections: 0, since: 0 });
  activity.say(id, { observer: 'in_order', connections: 0, since: host.clock.now() });
  await host.clock.advance(5 * MINUTE_MS);
  expect(stateOf(id)).toBe('Standby');
  expect(await factsOf(id, 'standby.requested')).toMatchObject([{ cause: 'schedule' }]);
});

test('minutes that ask for what is so already leave no record, of a guest that runs and of one that sleeps', async () => {
  const id = await scheduled({ standby: at('10-59 12 * * *'), wake: at('* * * * *') });
  const awake = (await host.records(id)).length;
  await host.clock.advance(5 * MINUTE_MS);
  expect((await host.records(id)).length).toBe(awake);
  const changes = { schedules: { standby: at('* * * * *') } };
  await host.supervisor.command(id, { type: 'update', by: 'operator', changes }, OPERATOR);
  await host.supervisor.command(id, { type: 'standby', by: 'operator' }, OPERATOR);
  await host.clock.advance(10_000);
  const slept = (await host.records(id)).length;
  await host.clock.advance(30 * MINUTE_MS);
  expect([stateOf(id), (await host.records(id)).length]).toEqual(['Standby', slept]);
});

test('who was woken since a minute of standby is not put to sleep for it by the next daemon, nor woken who was put to sleep', async () => {
  const activity = scriptedActivity();
  const id = await scheduled({ standby: at('5 12 * * *'), wake: at('15 12 * * *') }, { activity });
  await host.supervisor.command(id, { type: 'standby', by: 'operator' }, OPERATOR);
  await host.clock.advance(6 * MINUTE_MS);
  await host.supervisor.command(id, { type: 'restore', by: 'operator' }, OPERATOR);
  await host.clock.advance(10_000);
  activity.say(id, { observer: 'in_order', connections: 0, since: host.clock.now() });
  await host.restart();
  await host.clock.advance(MINUTE_MS);
  expect(stateOf(id)).toBe('Running');
  await host.clock.advance(9 * MINUTE_MS);
  await host.supervisor.command(id, { type: 'standby', by: 'operator' }, OPERATOR);
  await host.clock.advance(10_000);
  await host.restart();
  await host.clock.advance(MINUTE_MS);
  expect(stateOf(id)).toBe('Standby');
});

test('of the snapshots that a schedule takes the newest stay; one that somebody made is never dropped', async () => {
  const id = await scheduled({ snapshot: { ...at('* * * * *'), keep: 2 } });
  await host.supervisor.command(id, { type: 'create_snapshot', by: 'operator', name: 'mine' }, OPERATOR);
  await host.clock.advance(5 * MINUTE_MS);
  const kept = (await host.records(id)).at(-1)!.state.context.snapshots.map(({ name }) => name);
  expect(kept).toEqual(['mine', 'scheduled-20260101-1204', 'scheduled-20260101-1205']);
  const state = await host.control.state(id);
  expect([...state.snapshots].sort()).toEqual(kept);
  expect(stateOf(id)).toBe('Running');
});

test('a schedule that is set counts from then on: the minute that has begun, and those before, are not made up for', async () => {
  const id = await asleep({ standby: at('0 0 1 1 *') });
  await host.clock.advance(5 * MINUTE_MS);
  const changes = { schedules: { wake: at('4,5,8 12 * * *') } };
  await host.supervisor.command(id, { type: 'update', by: 'operator', changes }, OPERATOR);
  await host.restart();
  await host.clock.advance(2 * MINUTE_MS);
  expect(stateOf(id)).toBe('Standby');
  await host.clock.advance(MINUTE_MS);
  expect(stateOf(id)).toBe('Running');
});

test('a host without schedules has no timer for them, and one whose last scheduled instance is deleted has none any more', async () => {
  const id = await scheduled({ wake: at('0 0 1 1 *') });
  expect(host.clock.nextTimerInMs()).not.toBeNull();
  await host.supervisor.command(id, { type: 'delete', by: 'operator' }, OPERATOR);
  await host.clock.advance(10 * MINUTE_MS);
  expect(host.clock.nextTimerInMs()).toBeNull();
});
