import { isIPv6 } from 'node:net';
import type { Definition } from '../../../machines/definition.ts';
import { type AddressPool, macOf } from '../address-pool.ts';
import type { ActivitySource, TrackedGuest } from '../contracts/activity.ts';
import { linkLocal } from '../contracts/address6.ts';
import type { Network } from '../contracts/network.ts';

/** What a source of traffic is told of a guest: the same when it is watched and when the table is read for it. */

export interface GuestAsked {
  readonly instance: string;
  readonly run: number;
  readonly definition: Pick<Definition, 'network' | 'auto_standby'>;
}

interface Knowing {
  readonly activity?: ActivitySource | undefined;
  readonly network?: Network | undefined;
  /** Knows at once who has which address, also before the network was put in order. */
  readonly addresses?: AddressPool | undefined;
}

/**
 * Null when its traffic cannot be known: it has no policy, nothing is watched, or it shares the addresses of its host,
 * whose connections cannot be told from its own. Simulated guests are known by name. The daemon's own probes are left
 * out, by the address that nothing else speaks from.
 */
export function trackedGuest(
  { activity, network, addresses: pool }: Knowing,
  { instance, run, definition }: GuestAsked,
): TrackedGuest | null {
  const policy = definition.auto_standby;
  if (policy === null || activity === undefined) return null;
  const addresses = addressesOf(network, definition.network);
  if (addresses.length === 0 && activity.status().mode !== 'simulated') return null;
  const own = pool?.probeAddress() ?? null;
  const ignored = own === null ? [] : [`${own}/${isIPv6(own) ? 128 : 32}`];
  const ignore_source_cidrs = [...(policy.ignore_source_cidrs ?? []), ...ignored];
  const { ignore_destination_ports = [] } = policy;
  return { instance, run, addresses, policy: { ignore_source_cidrs, ignore_destination_ports } };
}

/** All addresses that a guest speaks under, and may be spoken to; none unless it is bridged. */
export function addressesOf(network: Network | undefined, wanted: Definition['network']): readonly string[] {
  if (wanted.mode !== 'bridge' || wanted.address === null) return [];
  const { address, mac } = wanted;
  const given = network?.addressesOf(address) ?? [address];
  // Neighbours reach it, the host and other guests, under the one that its card gives itself, too.
  return given.some(isIPv6) ? [...given, linkLocal(mac ?? macOf(address))] : given;
}
