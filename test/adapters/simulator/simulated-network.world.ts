import type { Network } from '../../../src/actors/contracts/network.ts';
import {
  createSimulatedDevices,
  createSimulatedNetwork,
  type SimulatedDevices,
} from '../../../src/adapters/simulator/simulated-network.ts';
import { BRIDGE, type NetworkWorld, RANGE } from '../../contracts/network.world.ts';

/** A host that is in memory only. `wrap` stands between the checks and every network object, for liars. */
export async function simulatedNetworkWorld(
  wrap: (network: Network, devices: SimulatedDevices) => Network = (network) => network,
): Promise<NetworkWorld> {
  const devices = createSimulatedDevices();
  const open = (owner: string, changes: { readonly range6?: null } = {}): Network =>
    wrap(createSimulatedNetwork({ bridge: BRIDGE, owner, ...RANGE, nat: false, devices, ...changes }), devices);
  const tapOf = (instance: string): { isOpen: boolean } => {
    const tap = devices.taps.get(instance);
    if (tap === undefined) throw new Error(`There is no tap of ${instance}.`);
    return tap;
  };
  return {
    network: open('us'),
    reopen: () => open('us'),
    somebodyElse: open('them'),
    withoutRights: () => {
      devices.hasRights = false;
      return open('us');
    },
    withoutIpv6: () => open('us', { range6: null }),
    seen: async () => ({
      bridge: devices.bridge !== null,
      taps: [...devices.taps.keys()].sort(),
      onBridge: [...devices.taps].flatMap(([id, tap]) => (tap.isOnBridge ? [id] : [])).sort(),
      neighbours: [...devices.neighbours.values()].flat().sort(),
      filter: [...devices.filter.keys()].sort(),
      tracked: devices.isTracking,
    }),
    hands: {
      holdTap: async (instance) => {
        tapOf(instance).isOpen = true;
      },
      takeTap: async (instance) => {
        devices.taps.set(instance, { owner: 'them', address: '', isOnBridge: false, isOpen: false });
      },
      takeBridge: async () => {
        devices.bridge = 'them';
      },
      takeTable: async () => {
        devices.table = 'them';
      },
      removeBridge: async () => {
        devices.bridge = null;
        devices.neighbours.clear();
        for (const tap of devices.taps.values()) tap.isOnBridge = false;
      },
      removeTable: async () => {
        devices.table = null;
        devices.filter.clear();
      },
      stopTracking: async () => {
        devices.isTracking = false;
      },
      answerFor: async (address) => {
        devices.answered.add(address);
      },
    },
    destroy: async () => undefined,
  };
}
