import { describe, expect, test } from 'vitest';
import type { Definition } from '../../machines/definition.ts';
import { AddressPool, parseRange } from '../../src/actors/address-pool.ts';
import { SimulatedClock } from '../../src/actors/clock.ts';
import type { Telemetry } from '../../src/actors/contracts/telemetry.ts';
import type { InstanceCommand } from '../../src/actors/supervisor.ts';
import { confirmIdle, FORGET_MAX_MS, forgetFormer } from '../../src/actors/tracking/traffic-operations.ts';
import { createSimulatedNetwork } from '../../src/adapters/simulator/simulated-network.ts';
import { siteOf } from '../../src/cli/daemon/network.ts';
import { type ScriptedActivity, scriptedActivity } from './scripted-activity.ts';
import { definition, OPERATOR, runningInstance, START, simulatedHost } from './simulated-host.ts';

const by = OPERATOR.actor;
const ERROR_MAX_BYTES = 512;
const BRIDGED: Definition['network'] = { enabled: true, mode: 'bridge', ports: [], address: '10.77.0.9', mac: null };
const auto_standby = { enabled: true, idle_timeout_ms: 60_000 };

function operators(activity: ScriptedActivity | undefined) {
  const told: string[] = [];
  const telemetry = {
    trafficConfirmed: (answer: string) => void told.push(answer),
    trafficForgotten: (outcome: string) => void told.push(outcome),
  } as unknown as Telemetry;
  return { activity, clock: new SimulatedClock(START), telemetry, told };
}

describe('a table that is read for a guest', () => {
  const guest = { instance: 'web', run: 3, definition: definition({ network: BRIDGED, auto_standby }) };

  test.each([
    ['holds nothing that counts', { observer: 'in_order', connections: 0, since: 0 }, 'traffic.confirmed_idle', 'idle'],
    ['holds connections', { observer: 'in_order', connections: 2, since: 0 }, 'traffic.active', 'active'],
    ['cannot be believed', { observer: 'lost', error: 'x'.repeat(9_000) }, 'traffic.unconfirmed', 'unconfirmed'],
  ] as const)('and %s is told as that', async (_, reading, type, answer) => {
    const activity = scriptedActivity();
    activity.table.read = async () => reading;
    const given = operators(activity);
    const event = await confirmIdle(given, guest);
    expect(event).toMatchObject({ type, run: 3 });
    expect('error' in event ? event.error.length : 0).toBeLessThanOrEqual(ERROR_MAX_BYTES);
    expect(given.told).toEqual([answer]);
  });

  test('leaves open what nobody could read: no source, no address of its own, or a source that throws', async () => {
    const throwing = scriptedActivity();
    throwing.table.read = () => Promise.reject(new Error('gone'));
    const shared = { ...guest, definition: definition({ auto_standby }) };
    for (const [source, asked] of [
      [undefined, guest],
      [scriptedActivity(), shared],
      [throwing, guest],
    ] as const) {
      expect((await confirmIdle(operators(source), asked)).type).toBe('traffic.unconfirmed');
    }
  });
});

describe('entries of a former guest', () => {
  test('are removed under all addresses before a bridged guest boots, and left when it is woken', async () => {
    const activity = scriptedActivity();
    const { site } = siteOf({ bridge: 'test' }, () => 'test')!;
    const addresses = new AddressPool(parseRange('10.77.0.0/16'));
    const host = await simulatedHost({ activity, addresses, network: createSimulatedNetwork(site) });
    const id = await runningInstance(host, { network: { ...BRIDGED, address: null } });
    expect(activity.forgotten).toEqual([['10.77.0.2', expect.stringMatching(/^fd/), 'fe80::53:aff:fe4d:2']]);
    for (const type of ['standby', 'restore'] as const) {
      await host.supervisor.command(id, { type, by }, OPERATOR);
      await host.clock.advance(10_000);
    }
    expect([host.instances.get(id)?.phase, activity.forgotten.length]).toEqual(['running', 1]);
  });

  test('are removed before a fork is woken for the first time: what it was copied from never spoke from there', async () => {
    const activity = scriptedActivity();
    const { site } = siteOf({ bridge: 'test' }, () => 'test')!;
    const addresses = new AddressPool(parseRange('10.77.0.0/16'));
    const host = await simulatedHost({ activity, addresses, network: createSimulatedNetwork(site) });
    const network = { ...BRIDGED, address: null };
    const source = await runningInstance(host, { network });
    const send = async (id: string, command: InstanceCommand): Promise<void> => {
      await host.supervisor.command(id, command, OPERATOR);
      await host.clock.advance(10_000);
    };
    await send(source, { type: 'create_snapshot', by, name: 'kept' });
    const from = { instance: source, snapshot: 'kept' };
    const copied = definition({ name: 'copy', network });
    const { id } = await host.supervisor.create(copied, 'stopped', OPERATOR, from);
    await host.clock.advance(10_000);
    expect([host.instances.get(id)?.phase, activity.forgotten.length]).toEqual(['standby', 1]);
    await send(id, { type: 'restore', by });
    expect(activity.forgotten.slice(1)).toEqual([['10.77.0.3', expect.stringMatching(/^fd/), 'fe80::53:aff:fe4d:3']]);
    await send(id, { type: 'standby', by });
    await send(id, { type: 'restore', by });
    expect([host.instances.get(id)?.phase, activity.forgotten.length], 'its own it keeps').toEqual(['running', 2]);
  });

  test('are removed before a snapshot is brought back where another guest was booted since; its own are left', async () => {
    const activity = scriptedActivity();
    const { site } = siteOf({ bridge: 'test' }, () => 'test')!;
    const addresses = new AddressPool(parseRange('10.77.0.0/16'));
    const host = await simulatedHost({ activity, addresses, network: createSimulatedNetwork(site) });
    const id = await runningInstance(host, { network: { ...BRIDGED, address: null } });
    /** How often entries were removed while these commands were carried out. */
    const removals = async (...commands: InstanceCommand[]): Promise<number> => {
      const before = activity.forgotten.length;
      for (const command of commands) {
        await host.supervisor.command(id, command, OPERATOR);
        await host.clock.advance(10_000);
      }
      expect(host.instances.get(id)?.phase).toBe('running');
      return activity.forgotten.length - before;
    };
    const stop = { type: 'stop', by, force: true } as const;
    const bringBack = { type: 'restore_snapshot', by, name: 'kept', then: 'running' } as const;
    const sleepAndWake = [{ type: 'standby', by } as const, { type: 'restore', by } as const];
    await removals({ type: 'create_snapshot', by, name: 'kept' });
    // Nobody was booted since: connections that it had then may go on.
    expect(await removals(stop, bringBack)).toBe(0);
    expect(await removals(stop, { type: 'start', by })).toBe(1);
    expect(await removals(stop, bringBack)).toBe(1);
    expect(await removals(...sleepAndWake)).toBe(0);
    // Whose connections those of a guest are that was brought back itself cannot be told.
    expect(await removals(stop, bringBack)).toBe(0);
  });

  test('are left when a guest wakes after a restore that was refused: it is still the one that spoke', async () => {
    const activity = scriptedActivity();
    const { site } = siteOf({ bridge: 'test' }, () => 'test')!;
    const addresses = new AddressPool(parseRange('10.77.0.0/16'));
    const host = await simulatedHost({ activity, addresses, network: createSimulatedNetwork(site) });
    const id = await runningInstance(host, { network: { ...BRIDGED, address: null } });
    const send = async (command: InstanceCommand): Promise<void> => {
      await host.supervisor.command(id, command, OPERATOR);
      await host.clock.advance(10_000);
    };
    await send({ type: 'standby', by });
    await host.control.setFault(id, 'restore', 'fail');
    await send({ type: 'restore', by });
    expect(host.instances.get(id)?.phase).toBe('standby');
    await host.control.setFault(id, 'restore', 'ok');
    await send({ type: 'restore', by });
    expect([host.instances.get(id)?.phase, activity.forgotten.length]).toEqual(['running', 1]);
  });

  test.each([
    ['cannot be removed', () => Promise.reject(new Error('no rights')), 'failed', 0],
    ['take long to remove', () => new Promise<void>(() => {}), 'timed_out', FORGET_MAX_MS],
  ] as const)('that %s do not keep a guest from booting', async (_, forget, outcome, afterMs) => {
    const given = operators(scriptedActivity({ forget }));
    let done = false;
    const forgotten = forgetFormer(given, BRIDGED).then(() => {
      done = true;
    });
    if (afterMs > 0) await given.clock.advance(afterMs - 1);
    expect(done).toBe(false);
    await given.clock.advance(1);
    await forgotten;
    expect(given.told).toEqual([outcome]);
  });

  test('are waited for also where nobody counts how that went', async () => {
    const removal = Promise.withResolvers<void>();
    const { activity, clock } = operators(scriptedActivity({ forget: () => removal.promise }));
    let done = false;
    const forgotten = forgetFormer({ activity, clock }, BRIDGED).then(() => {
      done = true;
    });
    await clock.settle();
    expect(done).toBe(false);
    removal.resolve();
    await forgotten;
  });
});
