import type { Attached, Network, NetworkErrorCode } from '../../src/actors/contracts/network.ts';
import type { SimulatedDevices } from '../../src/adapters/simulator/simulated-network.ts';
import { simulatedNetworkWorld } from '../adapters/simulator/simulated-network.world.ts';
import { type NetworkWorld, RANGE } from './network.world.ts';

/** A network that breaks one promise, and the check that must notice it. */
export interface LyingNetwork {
  /** Ends the sentence "a network that ...". */
  readonly lie: string;
  readonly breaks: string;
  readonly make: () => Promise<NetworkWorld>;
}

type Lie = (honest: Network, devices: SimulatedDevices) => Partial<Network>;

export function methodsOf(network: Network): Network {
  return {
    attach: (lease, signal) => network.attach(lease, signal),
    detach: (instance) => network.detach(instance),
    reconcile: (known) => network.reconcile(known),
    keepTracking: () => network.keepTracking(),
    addressesOf: (address) => network.addressesOf(address),
    probeAddress: () => network.probeAddress(),
    check: () => network.check(),
    remove: () => network.remove(),
    status: () => network.status(),
  };
}

function liar(lie: string, breaks: string, tell: Lie): LyingNetwork {
  const make = (): Promise<NetworkWorld> =>
    simulatedNetworkWorld((honest, devices) => ({ ...methodsOf(honest), ...tell(honest, devices) }));
  return { lie, breaks, make };
}

/** Calls one kind of failure by another name, wherever it is told. */
function misnames(code: NetworkErrorCode): Lie {
  const renamed = (attached: Attached): Attached =>
    'error' in attached && attached.error.code === code
      ? { error: { ...attached.error, code: 'network_failed' } }
      : attached;
  return (honest) => ({ attach: async (lease, signal) => renamed(await honest.attach(lease, signal)) });
}

let taps = 0;

export const lyingNetworks: readonly LyingNetwork[] = [
  liar(
    'tells the guest another prefix',
    'attach makes everything a guest needs, and says what to tell it',
    (honest) => ({
      attach: async (lease, signal) => {
        const attached = await honest.attach(lease, signal);
        return 'error' in attached ? attached : { attachment: { ...attached.attachment, prefix: 8 } };
      },
    }),
  ),
  liar('gives another tap each time', 'attach is idempotent, also for the object of a later daemon', (honest) => ({
    attach: async (lease, signal) => {
      const attached = await honest.attach(lease, signal);
      taps += 1;
      return 'error' in attached ? attached : { attachment: { ...attached.attachment, tap: `tap${taps}` } };
    },
  })),
  liar('does not hear a withdrawal', 'attach that was withdrawn before it began makes nothing', (honest) => ({
    attach: (lease) => honest.attach(lease, new AbortController().signal),
  })),
  liar(
    'calls a tap in use a failure like any other',
    'a tap that another process has open is refused as tap_busy and stays its own',
    misnames('tap_busy'),
  ),
  liar(
    'does not ask who has an address',
    'an address that somebody else answers for is refused as address_taken, and nothing is left of it',
    (honest, devices) => ({
      attach: (lease, signal) => {
        devices.answered.clear();
        return honest.attach(lease, signal);
      },
    }),
  ),
  liar(
    'calls an address of another range a failure like any other',
    'an address of another range is refused as out_of_range, and nothing is made',
    misnames('out_of_range'),
  ),
  liar(
    'does not say that it lacks the rights',
    'without the rights nothing is made, and both attach and check say no_rights',
    misnames('no_rights'),
  ),
  liar(
    'forgets IPv6 when it is asked for addresses',
    'a guest speaks under its own address and the IPv6 one that follows from it',
    () => ({ addressesOf: (address) => [address] }),
  ),
  liar(
    'tells of an IPv6 that nobody asked for',
    'where guests have no IPv6, nothing of it is told or made',
    (honest) => ({
      attach: async (lease, signal) => {
        const attached = await honest.attach(lease, signal);
        return 'error' in attached ? attached : { attachment: { ...attached.attachment, prefix6: 64 } };
      },
    }),
  ),
  liar(
    'takes the address of a guest for its own probes',
    'the address for probes is told once it is there, and never while an instance holds it',
    (honest) => ({ probeAddress: () => (honest.status().last_error === null ? RANGE.probe : null) }),
  ),
  liar(
    'says that nothing was missed when tracking had stopped',
    'tracking that was stopped is begun again by keepTracking, which tells so once',
    (honest) => ({
      keepTracking: async () => {
        await honest.keepTracking();
        return { tracking: 'kept' };
      },
    }),
  ),
  liar(
    'does not notice that nothing is tracked',
    'tracking that was stopped is begun again by the next attach, and found by check before',
    () => ({ check: async () => [] }),
  ),
  liar(
    'leaves the tap at a detach',
    'detach removes everything of one instance and nothing of another, and may be repeated',
    () => ({ detach: async () => null }),
  ),
  liar('leaves what a crash left', 'reconcile removes what a crash left of instances that nobody knows', () => ({
    reconcile: async () => ({ removed: ['everything'], repaired: [] }),
  })),
  liar(
    'takes whoever has no lease for a leftover',
    'reconcile leaves a known instance alone whose lease cannot be read',
    (honest) => ({ reconcile: (known) => honest.reconcile(() => ({ ...known(), isKnown: () => false })) }),
  ),
  liar('asks late who is known', 'whoever is attached after reconcile began is not taken for a leftover', (honest) => ({
    reconcile: async (known) => {
      const asked = known();
      await Promise.resolve();
      return honest.reconcile(() => asked);
    },
  })),
  liar(
    'pulls the network away under a guest',
    'remove is refused as in_use while a guest uses the network, and then leaves nothing',
    (honest, devices) => ({
      remove: () => {
        for (const tap of devices.taps.values()) tap.isOpen = false;
        return honest.remove();
      },
    }),
  ),
  liar(
    'repairs without a word',
    'a bridge that was removed is made again by the next attach, with the guests it had, and that is told',
    (honest) => ({ status: () => ({ ...honest.status(), repairs: 0 }) }),
  ),
  liar(
    'makes the bridge again without its guests',
    'a bridge that was removed is made again by reconcile, with the guests it had',
    (honest, devices) => ({
      reconcile: async (known) => {
        const loose = [...devices.taps.values()].filter((tap) => !tap.isOnBridge);
        const done = await honest.reconcile(known);
        for (const tap of loose) tap.isOnBridge = false;
        return done;
      },
    }),
  ),
  liar(
    'makes the filter again for one guest only',
    'a packet filter that was removed is made again with every guest by the next attach',
    (honest, devices) => ({
      attach: async (lease, signal) => {
        const attached = await honest.attach(lease, signal);
        for (const id of devices.filter.keys()) if (id !== lease.instance) devices.filter.delete(id);
        return attached;
      },
    }),
  ),
  liar(
    'makes the bridge to see whether it can',
    'check finds nothing on a host that is in order, and changes nothing',
    (honest, devices) => ({
      check: async () => {
        devices.bridge ??= 'us';
        return honest.check();
      },
    }),
  ),
  liar(
    'takes the bridge of somebody else',
    'a bridge of somebody else is refused as not_ours by everything and left as it is',
    (honest, devices) => ({
      attach: (lease, signal) => {
        devices.bridge = null;
        return honest.attach(lease, signal);
      },
    }),
  ),
  liar(
    'takes the tap of somebody else',
    'a tap of somebody else is refused as not_ours and left as it is',
    (honest, devices) => ({
      attach: (lease, signal) => {
        if (devices.taps.get(lease.instance)?.owner === 'them') devices.taps.delete(lease.instance);
        return honest.attach(lease, signal);
      },
    }),
  ),
  liar(
    'takes the filter of somebody else',
    'a packet filter of somebody else is refused as not_ours and left as it is',
    (honest, devices) => ({
      attach: (lease, signal) => {
        devices.table = null;
        return honest.attach(lease, signal);
      },
    }),
  ),
  liar(
    'removes whatever carries the name of an instance',
    'another daemon takes nothing of this one, neither its guests nor its bridge',
    (_honest, devices) => ({
      detach: async (instance) => {
        devices.taps.delete(instance);
        return null;
      },
    }),
  ),
];
