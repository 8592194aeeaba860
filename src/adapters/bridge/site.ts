import { BlockList, isIPv6 } from 'node:net';
import { address6In, PREFIX6 } from '../../actors/contracts/address6.ts';
import type { Attachment, Lease } from '../../actors/contracts/network.ts';
import { tapName } from './marks.ts';

/** What the network is to be like, and what follows from it for whoever has a lease of it. */

export interface Site {
  readonly bridge: string;
  /** Who this network belongs to: stands in the marks. */
  readonly owner: string;
  readonly range: string;
  readonly prefix: number;
  readonly gateway: string;
  /** Of the guests' IPv6 addresses; null where they are to have none. */
  readonly range6: string | null;
  /** From which the daemon's own probes come; null where there is none. */
  readonly probe: string | null;
  readonly nat: boolean;
  /** The user whose processes may open taps. */
  readonly uid: number;
}

export function isInside(network: string, address: string): boolean {
  const [base = '', prefix] = network.split('/');
  const list = new BlockList();
  list.addSubnet(base, Number(prefix), isIPv6(base) ? 'ipv6' : 'ipv4');
  return list.check(address);
}

/** All that the guest with this address speaks under. */
export function addressesOf(address: string, { range6 }: Pick<Site, 'range6'>): string[] {
  return range6 === null ? [address] : [address, address6In(range6, address)];
}

/** None where an instance has the address from before it was kept for probes. */
export function probeAddressOf({ probe }: Site, leases: readonly Lease[]): string | null {
  return leases.some(({ address }) => address === probe) ? null : probe;
}

/** What a VMM and its guest are told. */
export function attachmentOf({ instance, address, mac }: Lease, { prefix, gateway, range6 }: Site): Attachment {
  const ipv4 = { tap: tapName(instance), mac, address, prefix, gateway };
  if (range6 === null) return { ...ipv4, address6: null, prefix6: null, gateway6: null };
  const [address6, gateway6] = [address6In(range6, address), address6In(range6, gateway)];
  return { ...ipv4, address6, prefix6: PREFIX6, gateway6 };
}
