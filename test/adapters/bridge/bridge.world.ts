import { systemClock } from '../../../src/actors/clock.ts';
import type { Lease, Network } from '../../../src/actors/contracts/network.ts';
import { type BridgeOptions, createBridgeNetwork } from '../../../src/adapters/bridge/bridge-network.ts';
import { type CommandRunner, createCommandRunner } from '../../../src/adapters/bridge/command-runner.ts';
import { readLinks, readNeighbours } from '../../../src/adapters/bridge/links.ts';
import { tapName } from '../../../src/adapters/bridge/marks.ts';
import { admitGuest, findTable } from '../../../src/adapters/bridge/packet-filter.ts';
import { EVENTS_ALL, readEvents } from '../../../src/adapters/bridge/tracking.ts';
import { untilTrue } from '../../contracts/hypervisor.world.ts';
import { BRIDGE, lease, type NetworkWorld, RANGE, type SeenNetwork } from '../../contracts/network.world.ts';
import { type Namespace, openNamespace } from './namespace.ts';

/** A real kernel's network in a namespace of its own. */
export interface BridgeWorld extends NetworkWorld {
  /** Runs a command in the namespace. */
  run(...command: readonly string[]): Promise<string>;
  readonly runner: CommandRunner;
  readonly place: Namespace;
}

export const OWNER = 'aaaaaaaaaaaaaaaa';
const OTHER_OWNER = 'bbbbbbbbbbbbbbbb';
const HOLD_LIMIT_MS = 10_000;
/** Of the instances that the checks use. */
const INSTANCES = [1, 2, 3].map((n) => lease(n).instance);
/** Put before a command, takes the right to change the network from it. */
export const NO_RIGHTS = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'];

/** Opens a tap as a VMM does, and nothing else. */
export function tapHolder(tap: string): string[] {
  const netdev = `tap,id=net,ifname=${tap},script=no,downscript=no`;
  return ['qemu-system-x86_64', '-machine', 'none', '-nodefaults', '-display', 'none', '-netdev', netdev];
}

/** What there is on the bridge and of the filter, as the tools of the kernel tell it. */
async function seenBy(runner: CommandRunner): Promise<SeenNetwork> {
  const links = await readLinks(runner);
  const tapOf = (instance: string) => links.find((link) => link.name === tapName(instance));
  const bridge = links.some((link) => link.name === BRIDGE);
  const known = bridge ? await readNeighbours(runner, BRIDGE) : [];
  const { guests } = await findTable(runner, 'bridge', OWNER, { full: true });
  const { state } = await findTable(runner, 'inet', OWNER, { full: false });
  return {
    bridge,
    taps: INSTANCES.filter((instance) => tapOf(instance) !== undefined),
    onBridge: INSTANCES.filter((instance) => tapOf(instance)?.master === BRIDGE),
    neighbours: known.flatMap(({ dst, state }) => (state.includes('PERMANENT') ? [dst] : [])).sort(),
    filter: guests.map(({ instance }) => instance).sort(),
    tracked: state === 'ours' && (await readEvents(runner)) === EVENTS_ALL,
  };
}

export async function makeBridgeWorld(): Promise<BridgeWorld> {
  const place = await openNamespace();
  const neighbour = await openNamespace(place);
  const runner = createCommandRunner(place.enter);
  const clock = systemClock();
  const open = (owner: string, changes: Partial<BridgeOptions> = {}): Network =>
    createBridgeNetwork({ bridge: BRIDGE, owner, ...RANGE, nat: false, uid: 0, clock, run: runner, ...changes });
  return {
    network: open(OWNER),
    place,
    run: place.run,
    runner,
    reopen: () => open(OWNER),
    somebodyElse: open(OTHER_OWNER),
    withoutRights: () => open(OWNER, { run: createCommandRunner([...place.enter, ...NO_RIGHTS]) }),
    withoutIpv6: () => open(OWNER, { range6: null }),
    seen: () => seenBy(runner),
    hands: {
      holdTap: async (instance) => {
        const tap = tapName(instance);
        place.start(...tapHolder(tap));
        const isHeld = async () => (await readLinks(runner)).some((link) => link.name === tap && link.hasCarrier);
        await untilTrue(isHeld, `${tap} is open`, HOLD_LIMIT_MS);
      },
      takeTap: async (instance) => {
        await place.run('ip', 'tuntap', 'add', 'dev', tapName(instance), 'mode', 'tap');
        await place.run('ip', 'link', 'set', 'dev', tapName(instance), 'alias', 'of somebody else');
      },
      takeBridge: async () => {
        await place.run('ip', 'link', 'add', 'name', BRIDGE, 'type', 'bridge');
      },
      takeTable: async () => {
        await place.run('nft', 'add', 'table', 'bridge', 'statevisor');
      },
      removeBridge: async () => {
        await place.run('ip', 'link', 'delete', 'dev', BRIDGE);
      },
      removeTable: async () => {
        await place.run('nft', 'delete', 'table', 'bridge', 'statevisor');
      },
      stopTracking: async () => {
        await place.run('nft', 'delete', 'table', 'inet', 'statevisor');
      },
      answerFor: async (address) => {
        const peer = ['peer', 'name', 'svpeer', 'netns', String(neighbour.pid)];
        await place.run('ip', 'link', 'add', 'name', 'svother', 'type', 'veth', ...peer);
        await place.run('ip', 'link', 'set', 'dev', 'svother', 'master', BRIDGE, 'up');
        await neighbour.run('ip', 'address', 'add', `${address}/${RANGE.prefix}`, 'dev', 'svpeer');
        await neighbour.run('ip', 'link', 'set', 'dev', 'svpeer', 'up');
        // A port hears nothing before the bridge has noticed that its other end is up.
        const hears = async () =>
          (await place.run('ip', '-details', 'link', 'show', 'dev', 'svother')).includes('state forwarding');
        await untilTrue(hears, 'the port forwards', HOLD_LIMIT_MS);
      },
    },
    destroy: async () => {
      await place.close();
      await neighbour.close();
    },
  };
}

/**
 * A guest without a VMM: a port of the bridge that the filter takes for the tap of this lease, its other end in a
 * namespace with these addresses.
 */
export async function plugIn(
  world: BridgeWorld,
  guest: Namespace,
  { lease: to, mac, addresses }: Plugged,
): Promise<void> {
  const tap = tapName(to.instance);
  await world.network.reconcile(() => ({ leases: [], isKnown: () => true }));
  await admitGuest(world.runner, { bridge: BRIDGE, owner: OWNER, ...RANGE, nat: false }, to);
  const peer = ['peer', 'name', 'eth0', 'address', mac ?? to.mac, 'netns', String(guest.pid)];
  await world.run('ip', 'link', 'add', 'name', tap, 'type', 'veth', ...peer);
  await world.run('ip', 'link', 'set', 'dev', tap, 'master', BRIDGE, 'up');
  for (const address of addresses) {
    await guest.run('ip', 'address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));
  }
  await guest.run('ip', 'link', 'set', 'dev', 'eth0', 'up');
  // A port hears nothing before the bridge has noticed that its other end is up.
  const port = ['ip', '-details', 'link', 'show', 'dev', tap];
  await untilTrue(async () => (await world.run(...port)).includes('state forwarding'), 'the port forwards');
}

export interface Plugged {
  readonly lease: Lease;
  /** Of its card; the lease's own unless it lies. */
  readonly mac?: string;
  /** With their prefix. */
  readonly addresses: readonly string[];
}
