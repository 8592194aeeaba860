import { describe, expect, it } from 'vitest';
import { AddressPool, macOf, parseRange } from '../../src/actors/address-pool.ts';
import type { Network } from '../../src/actors/contracts/network.ts';
import { createSimulatedDevices, createSimulatedNetwork } from '../../src/adapters/simulator/simulated-network.ts';
import {
  bootsOf,
  definition,
  OPERATOR,
  refusalCode,
  runningInstance,
  type SimulatedHost,
  simulatedHost,
} from './simulated-host.ts';

const BRIDGED = { mode: 'bridge' as const, enabled: true as const, ports: [], address: null, mac: null };
const RANGE = {
  bridge: 'svbr0',
  owner: 'us',
  range: '10.0.0.0/29',
  prefix: 29,
  gateway: '10.0.0.1',
  range6: 'fd00::/64',
  probe: '10.0.0.6',
  nat: false,
};
const A_MINUTE = 60_000;

interface BridgedHost extends SimulatedHost {
  readonly devices: ReturnType<typeof createSimulatedDevices>;
  readonly pool: () => AddressPool;
  /** The next daemon on the same host. */
  again(): Promise<void>;
}

async function bridgedHost(wrap: (network: Network) => Network = (network) => network): Promise<BridgedHost> {
  const devices = createSimulatedDevices();
  let pool = new AddressPool(parseRange(RANGE.range));
  const network = (): Network => wrap(createSimulatedNetwork({ ...RANGE, devices }));
  const host = await simulatedHost({ network: network(), addresses: pool });
  return Object.assign(host, {
    devices,
    pool: () => pool,
    again: async () => {
      pool = new AddressPool(parseRange(RANGE.range));
      await host.restart({ network: network(), addresses: pool });
    },
  });
}

describe('the network of a bridged instance', () => {
  it('is there when its first boot is asked for, and its address is on record', async () => {
    const host = await bridgedHost();
    const id = await runningInstance(host, { network: BRIDGED });
    expect([...host.devices.taps.keys()]).toEqual([id]);
    expect(host.instances.get(id)).toMatchObject({
      state: 'Running',
      network: { mode: 'bridge', address: '10.0.0.2', mac: macOf('10.0.0.2') },
    });
  });

  it('is not made for an instance that is created stopped, though its address is held', async () => {
    const host = await bridgedHost();
    await host.supervisor.create(definition({ network: BRIDGED }), 'stopped', OPERATOR);
    await host.clock.advance(A_MINUTE);
    expect(host.devices.taps.size).toBe(0);
    expect(host.pool().usage()).toEqual({ used: 1, free: 3 });
  });

  it('that cannot be had lets no VMM be spawned, and the failure stands in the record', async () => {
    const host = await bridgedHost();
    host.devices.answered.add('10.0.0.2');
    const id = await runningInstance(host, { network: BRIDGED });
    expect(await bootsOf(host, id)).toBe(0);
    expect(host.instances.get(id)).toMatchObject({ state: 'Stopped' });
    const ends = (await host.records(id)).map(({ event }) => event).filter((event) => event.type === 'effect.failed');
    expect(ends).toMatchObject([{ kind: 'vmm.boot', error: { code: 'address_taken' } }]);
  });

  it('that somebody has taken while the guest slept lets it sleep on with its snapshot, until they let go of it', async () => {
    const host = await bridgedHost();
    const id = await runningInstance(host, { network: BRIDGED });
    const send = async (type: 'standby' | 'restore'): Promise<void> => {
      await host.supervisor.command(id, { type, by: 'operator' }, OPERATOR);
      await host.clock.advance(A_MINUTE);
    };
    await send('standby');
    host.devices.answered.add('10.0.0.2');
    await send('restore');
    expect(host.instances.get(id)).toMatchObject({
      state: 'Standby',
      has_snapshot: true,
      state_error: expect.stringContaining('somebody else answers for 10.0.0.2'),
    });
    const ends = (await host.records(id)).map(({ event }) => event).filter((event) => event.type === 'effect.failed');
    expect(ends).toMatchObject([{ kind: 'vmm.restore', error: { code: 'address_taken' } }]);
    expect((await host.control.state(id)).live).toEqual([]);
    host.devices.answered.delete('10.0.0.2');
    await send('restore');
    expect(host.instances.get(id)).toMatchObject({ state: 'Running', has_snapshot: false, state_error: null });
  });

  it('goes with the instance, and its address is free again', async () => {
    const host = await bridgedHost();
    const id = await runningInstance(host, { network: BRIDGED });
    await host.supervisor.command(id, { type: 'delete', by: 'operator' }, OPERATOR);
    await host.clock.advance(A_MINUTE);
    expect(host.devices.taps.size).toBe(0);
    expect(host.pool().usage()).toEqual({ used: 0, free: 4 });
  });

  it('that cannot be removed keeps the instance in deleting until it can', async () => {
    const host = await bridgedHost();
    const id = await runningInstance(host, { network: BRIDGED });
    host.devices.hasRights = false;
    await host.supervisor.command(id, { type: 'delete', by: 'operator' }, OPERATOR);
    await host.clock.advance(A_MINUTE);
    expect(host.supervisor.has(id)).toBe(true);
    expect(host.pool().usage().used).toBe(1);
    host.devices.hasRights = true;
    await host.clock.advance(10 * A_MINUTE);
    expect(host.supervisor.has(id)).toBe(false);
    expect(host.devices.taps.size).toBe(0);
  });

  it('is held again by the next daemon, which removes what belongs to nobody and touches no guest', async () => {
    const host = await bridgedHost();
    const id = await runningInstance(host, { network: BRIDGED });
    host.devices.taps.set('left', { owner: 'us', address: '10.0.0.6', isOnBridge: true, isOpen: false });
    await host.again();
    expect([...host.devices.taps.keys()]).toEqual([id]);
    expect(host.pool().leases()).toEqual([{ instance: id, address: '10.0.0.2', mac: macOf('10.0.0.2') }]);
    expect(await bootsOf(host, id)).toBe(1);
  });

  it('comes back at the next start when the bridge was removed under a running guest', async () => {
    const host = await bridgedHost();
    const id = await runningInstance(host, { network: BRIDGED });
    host.devices.bridge = null;
    for (const tap of host.devices.taps.values()) tap.isOnBridge = false;
    await host.again();
    expect(host.devices.taps.get(id)).toMatchObject({ isOnBridge: true });
    expect(host.instances.get(id)).toMatchObject({ state: 'Running', run: 1 });
  });

  it('that cannot be put in order at the start is reported, and the daemon starts all the same', async () => {
    const host = await bridgedHost();
    const id = await runningInstance(host, { network: BRIDGED });
    host.devices.hasRights = false;
    await host.again();
    expect(host.problems.join('\n')).toContain('no_rights');
    expect(host.instances.get(id)).toMatchObject({ state: 'Running', run: 1 });
  });

  it('a refused create holds no address', async () => {
    const host = await bridgedHost();
    await runningInstance(host, { network: BRIDGED });
    const again = host.supervisor.create(definition({ network: BRIDGED }), 'running', OPERATOR);
    expect(await refusalCode(again)).toBe('name_conflict');
    host.log.failAll('refused_unavailable');
    const other = definition({ name: 'other', network: BRIDGED });
    expect(await refusalCode(host.supervisor.create(other, 'running', OPERATOR))).toBe('log_unavailable');
    expect(host.pool().usage().used).toBe(1);
  });

  it('a boot without any network adapter fails and says which flag is missing', async () => {
    const addresses = new AddressPool(parseRange(RANGE.range));
    const host = await simulatedHost({ addresses });
    const id = await runningInstance(host, { network: BRIDGED });
    expect(host.instances.get(id)).toMatchObject({
      state: 'Stopped',
      exit_message: expect.stringContaining('--bridge'),
    });
  });
});
