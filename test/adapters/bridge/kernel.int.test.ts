import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import type { Network } from '../../../src/actors/contracts/network.ts';
import { type BridgeOptions, createBridgeNetwork } from '../../../src/adapters/bridge/bridge-network.ts';
import { createCommandRunner } from '../../../src/adapters/bridge/command-runner.ts';
import { readLinks } from '../../../src/adapters/bridge/links.ts';
import { bridgeMac, tapMac, tapName } from '../../../src/adapters/bridge/marks.ts';
import { attach, attachedTo, BRIDGE, known, lease, RANGE, refusal } from '../../contracts/network.world.ts';
import { type BridgeWorld, makeBridgeWorld, OWNER, plugIn } from './bridge.world.ts';
import { type Namespace, openNamespace } from './namespace.ts';

/** What the kernel makes of it, beyond what the contract says of every network. */

const [first, second] = [lease(1), lease(2)];
const LIMIT_MS = 30_000;
const A_MOMENT_MS = 100;

describe('a bridge of the kernel', { timeout: LIMIT_MS }, () => {
  let world: BridgeWorld;
  let guest: Namespace;
  beforeEach(async () => {
    world = await makeBridgeWorld();
    guest = await openNamespace(world.place);
  });
  afterEach(async () => {
    await guest.close();
    await world.destroy();
  });

  const networkWith = (changes: Partial<BridgeOptions>): Network => {
    const site = { bridge: BRIDGE, owner: OWNER, ...RANGE, nat: false, uid: 0 };
    return createBridgeNetwork({ ...site, clock: systemClock(), run: world.runner, ...changes });
  };
  const plugged = (mac: string, address: string): Promise<void> =>
    plugIn(world, guest, { lease: first, mac, addresses: [`${address}/${RANGE.prefix}`] });
  const hears = (): Promise<boolean> =>
    guest.run('busybox', 'ping', '-c', '1', '-W', '1', RANGE.gateway).then(
      () => true,
      () => false,
    );

  it('hears a guest under its own addresses, and the kernel tracks what it hears', async () => {
    await plugged(first.mac, first.address);
    expect(await hears()).toBe(true);
    expect(await world.run('cat', '/proc/net/nf_conntrack')).toContain(`src=${first.address}`);
  });

  it('does not hear a guest under the address of another one', async () => {
    await plugged(first.mac, second.address);
    expect(await hears()).toBe(false);
  });

  it('does not hear a guest under the hardware address of another one', async () => {
    await plugged(second.mac, first.address);
    expect(await hears()).toBe(false);
  });

  it('gives bridge and taps fixed hardware addresses, which a restored guest still knows', async () => {
    await attach(world.network, first);
    const macs = new Map((await readLinks(world.runner)).map(({ name, mac }) => [name, mac]));
    expect(macs.get(BRIDGE)).toBe(bridgeMac(OWNER));
    expect(macs.get(tapName(first.instance))).toBe(tapMac(first.mac));
  });

  it('takes a bridge and a tap for its own that a crash left half made', async () => {
    await world.run('ip', 'link', 'add', 'name', BRIDGE, 'address', bridgeMac(OWNER), 'type', 'bridge');
    await world.run('ip', 'tuntap', 'add', 'dev', tapName(first.instance), 'mode', 'tap');
    await attach(world.network, first);
    expect(await world.seen()).toEqual(attachedTo(first));
  });

  it('refuses an address that the host itself has', async () => {
    await attach(world.network, first);
    await world.run('ip', 'link', 'add', 'name', 'other0', 'type', 'veth', 'peer', 'name', 'other1');
    await world.run('ip', 'address', 'add', `${second.address}/32`, 'dev', 'other0');
    expect(await refusal(world.network, second)).toBe('address_taken');
  });

  it('gives an address when somebody else is on the bridge who does not answer for it', async () => {
    await attach(world.network, first);
    await world.hands.answerFor('10.91.0.200');
    await attach(world.network, second);
    expect(await world.seen()).toEqual(attachedTo(first, second));
  });

  it('brings back neighbour entries that were lost with the bridge down', async () => {
    await attach(world.network, first);
    await world.run('ip', 'link', 'set', 'dev', BRIDGE, 'down');
    expect((await world.seen()).neighbours).toEqual([]);
    await world.reopen().reconcile(known(first));
    expect(await world.seen()).toEqual(attachedTo(first));
  });

  it('takes over another range and a way out at the next start, and keeps the way to the guests it has', async () => {
    await attach(world.network, first);
    const other = { range: '10.92.0.0/16', prefix: 16, gateway: '10.92.0.1', probe: '10.92.255.254', nat: true };
    const changed = networkWith(other);
    const addressesOf = async (): Promise<readonly string[] | undefined> =>
      (await readLinks(world.runner)).find(({ name }) => name === BRIDGE)?.addresses;
    await changed.reconcile(known(first));
    expect(await world.seen()).toEqual(attachedTo(first));
    const own6 = 'fd91::7:0:0:a5c:1/64';
    expect(await addressesOf()).toEqual([`${RANGE.gateway}/${RANGE.prefix}`, '10.92.0.1/16', '10.92.255.254/32', own6]);
    expect(await world.run('nft', 'list', 'table', 'inet', 'statevisor')).toContain('masquerade');
    expect(await refusal(changed, first)).toBe('out_of_range');
    await changed.detach(first.instance);
    await networkWith(other).reconcile(known());
    expect(await addressesOf()).toEqual(['10.92.0.1/16', '10.92.255.254/32', own6]);
  });

  it('takes its guests along to a bridge of another name, and removes the former one', async () => {
    await attach(world.network, first);
    await networkWith({ bridge: 'svtest1' }).reconcile(known(first));
    const links = await readLinks(world.runner);
    expect(links.find(({ name }) => name === tapName(first.instance))?.master).toBe('svtest1');
    expect(links.map(({ name }) => name)).not.toContain(BRIDGE);
  });

  it('says that the host does not forward when guests are to reach beyond it', async () => {
    const network = networkWith({ nat: true });
    const codes = async (): Promise<string[]> => (await network.check()).map(({ code }) => code);
    const forward = (value: 0 | 1): Promise<string> =>
      world.run('/bin/sh', '-c', `echo ${value} >/proc/sys/net/ipv4/ip_forward`);
    await forward(0);
    expect(await codes()).toEqual(['forwarding_off']);
    await forward(1);
    expect(await codes()).toEqual([]);
  });

  it('gives up on a command that hangs, within its limit', async () => {
    const network = networkWith({ run: createCommandRunner(['/bin/sh', '-c', 'exec sleep 60'], A_MOMENT_MS) });
    expect(await refusal(network, first)).toBe('network_failed');
    expect(network.status().last_error?.message).toBe('ip did not answer');
  });

  it('says which tool is missing', async () => {
    const run = createCommandRunner(['env', '-i', 'PATH=/nowhere', '/bin/sh', '-c', 'exec "$0" "$@"']);
    const network = networkWith({ run });
    expect(await refusal(network, first)).toBe('tools_missing');
    expect((await network.check()).map(({ code }) => code)).toContain('tools_missing');
  });
});
