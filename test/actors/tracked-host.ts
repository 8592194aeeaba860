import type { Definition } from '../../machines/definition.ts';
import { AddressPool, parseRange } from '../../src/actors/address-pool.ts';
import { createSimulatedNetwork } from '../../src/adapters/simulator/simulated-network.ts';
import { siteOf } from '../../src/cli/daemon/network.ts';
import { scriptedActivity } from './scripted-activity.ts';
import { runningInstance, type SimulatedHost, simulatedHost } from './simulated-host.ts';

/** What is idle for so long is put to sleep. */
export const auto_standby = { enabled: true, idle_timeout_ms: 60_000 };
export const BRIDGED: Definition['network'] = { enabled: true, mode: 'bridge', ports: [], address: null, mac: null };

export function bridge() {
  const { site } = siteOf({ bridge: 'test' }, () => 'test')!;
  return { addresses: new AddressPool(parseRange('10.77.0.0/16')), network: createSimulatedNetwork(site) };
}

/** A bridged guest that runs and that nobody has said anything about yet. */
export async function tracked(activity = scriptedActivity()) {
  const host = await simulatedHost({ activity, ...bridge() });
  const id = await runningInstance(host, { network: BRIDGED, auto_standby });
  const readings = {
    open: (connections = 1) => activity.say(id, { observer: 'in_order', connections, since: host.clock.now() }),
    closed: () => activity.say(id, { observer: 'in_order', connections: 0, since: host.clock.now() }),
    lost: () => activity.say(id, { observer: 'lost', error: 'events were missed' }),
  };
  return { activity, host, id, ...readings };
}

/** When each of these was recorded, in ms from now on. */
export async function edges(host: SimulatedHost, id: string, from: number): Promise<[string, number][]> {
  const records = (await host.records(id)).filter(({ at }) => at >= from);
  return records.flatMap(({ event: { type }, at }) =>
    /^(traffic|observer)\./.test(type) ? [[type, at - from] as [string, number]] : [],
  );
}
