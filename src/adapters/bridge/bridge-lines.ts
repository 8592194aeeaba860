import { existsSync } from 'node:fs';
import { address6In, PREFIX6 } from '../../actors/contracts/address6.ts';
import type { Lease } from '../../actors/contracts/network.ts';
import { NetworkFailure } from './failure.ts';
import type { Link } from './links.ts';
import { bridgeAlias, bridgeMac, instanceOfAlias } from './marks.ts';
import { addressesOf, isInside, probeAddressOf, type Site } from './site.ts';
import type { BetweenGuests } from './tracking.ts';

/** What the bridge and its taps should be like, and the lines for `ip` that make it so. */

/** Hands what goes from one guest to another to the tables of IPv4 and IPv6, and keeps it from them. */
const THROUGH_NETFILTER = ['nf_call_iptables 0 nf_call_ip6tables 0', 'nf_call_iptables 1 nf_call_ip6tables 1'] as const;
/** Length of the prefix of an address that is a network of its own. */
const HOST_PREFIX = 32;

export interface OwnTap extends Link {
  readonly instance: string;
}

export function ownTaps(links: readonly Link[], owner: string): OwnTap[] {
  return links.flatMap((link) => {
    const instance = link.kind === 'tap' ? instanceOfAlias(owner, link.alias) : null;
    return instance === null ? [] : [{ ...link, instance }];
  });
}

/** One that was made and not marked yet is known by its hardware address. */
export function isOwnBridge({ kind, alias, mac }: Link, owner: string): boolean {
  const isUnfinished = alias === null && mac === bridgeMac(owner);
  return kind === 'bridge' && (alias === bridgeAlias(owner) || isUnfinished);
}

export function refuseForeignBridge(links: readonly Link[], { bridge, owner }: Site): void {
  const link = links.find((one) => one.name === bridge);
  if (link === undefined) return;
  if (isOwnBridge(link, owner)) return;
  throw new NetworkFailure('not_ours', `the device ${bridge} belongs to somebody else`);
}

/** With their prefix: the gateway's, and beside them the one for probes. */
function ownAddresses(site: Site, leases: readonly Lease[]): string[] {
  const { gateway, prefix, range6 } = site;
  const probe = probeAddressOf(site, leases);
  return [
    `${gateway}/${prefix}`,
    // Alone in its network, so that the kernel never takes it for the source of anything else.
    ...(probe === null ? [] : [`${probe}/${HOST_PREFIX}`]),
    ...(range6 === null ? [] : [`${address6In(range6, gateway)}/${PREFIX6}`]),
  ];
}

function isStale(other: string, own: readonly string[], leases: readonly Lease[]): boolean {
  if (own.includes(other)) return false;
  return other.endsWith(`/${HOST_PREFIX}`) || !leases.some(({ address }) => isInside(other, address));
}

/** Nobody else has an address of ours; asking whether somebody does would hold up the first packets. */
function addLine(address: string, bridge: string): string {
  return `address add ${address} dev ${bridge}${address.includes(':') ? ' nodad' : ''}`;
}

/**
 * Lines that make the bridge as it should be; none when it is. A bridge of ours under a former name goes. A former
 * address stays while somebody has a lease beside it: without it the host would have no way to that guest.
 */
export function bridgeLines(
  links: readonly Link[],
  site: Site,
  leases: readonly Lease[],
  between: BetweenGuests,
): string[] {
  const { bridge, owner } = site;
  const link = links.find((one) => one.name === bridge);
  const own = ownAddresses(site, leases);
  const ports = THROUGH_NETFILTER[between === 'by_netfilter' ? 1 : 0];
  const former = links.filter((one) => one.alias === bridgeAlias(owner) && one.name !== bridge);
  const make = link === undefined ? [`link add name ${bridge} address ${bridgeMac(owner)} type bridge ${ports}`] : [];
  const mark = link?.alias == null ? [`link set dev ${bridge} alias ${bridgeAlias(owner)}${withoutIpv6()}`] : [];
  const isOther = link !== undefined && link.portsThroughNetfilter === (between !== 'by_netfilter');
  const setPorts = isOther ? [`link set dev ${bridge} type bridge ${ports}`] : [];
  const stale = (link?.addresses ?? []).filter((other) => isStale(other, own, leases));
  const missing = own.filter((address) => link?.addresses.includes(address) !== true);
  return [
    ...former.map(({ name }) => `link delete dev ${name}`),
    ...make,
    ...mark,
    ...setPorts,
    ...stale.map((other) => `address delete ${other} dev ${bridge}`),
    ...missing.map((address) => addLine(address, bridge)),
    ...(link?.isUp === true ? [] : [`link set dev ${bridge} up`]),
  ];
}

/** No address of its own by IPv6; a kernel without IPv6 knows no such setting. */
export function withoutIpv6(): string {
  return existsSync('/proc/net/if_inet6') ? ' addrgenmode none' : '';
}

export function enslaveLines(tap: string, { bridge }: Site): string[] {
  return [`link set dev ${tap} master ${bridge}`, `link set dev ${tap} up`];
}

/** Without them the first packets to a guest wait for answers it cannot give yet, whole seconds long. */
export function neighbourLines({ address, mac }: Lease, site: Site): string[] {
  return addressesOf(address, site).map((one) => `neigh replace ${one} lladdr ${mac} dev ${site.bridge} nud permanent`);
}

/** Each is replaced first, because one that is not there cannot be removed. */
export function forgetLines(lease: Lease, site: Site): string[] {
  const forgotten = addressesOf(lease.address, site).map((one) => `neigh delete ${one} dev ${site.bridge}`);
  return [...neighbourLines(lease, site), ...forgotten];
}
