import { existsSync } from 'node:fs';
import { BlockList } from 'node:net';
import type { Lease } from '../../actors/contracts/network.ts';
import { NetworkFailure } from './failure.ts';
import type { Link } from './links.ts';
import { bridgeAlias, bridgeMac, instanceOfAlias } from './marks.ts';

/** What the bridge and its taps should be like, and the lines for `ip` that make it so. */

export interface Site {
  readonly bridge: string;
  /** Who this network belongs to: stands in the marks. */
  readonly owner: string;
  readonly range: string;
  readonly prefix: number;
  readonly gateway: string;
  readonly nat: boolean;
  /** The user whose processes may open taps. */
  readonly uid: number;
}

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

export function isInside(network: string, address: string): boolean {
  const [base = '', prefix] = network.split('/');
  const list = new BlockList();
  list.addSubnet(base, Number(prefix));
  return list.check(address);
}

/**
 * Lines that make the bridge as it should be; none when it is. A bridge of ours under a former name goes. A former
 * address stays while somebody has a lease beside it: without it the host would have no way to that guest.
 */
export function bridgeLines(links: readonly Link[], site: Site, leases: readonly Lease[]): string[] {
  const { bridge, owner, gateway, prefix } = site;
  const link = links.find((one) => one.name === bridge);
  const own = `${gateway}/${prefix}`;
  const former = links.filter((one) => one.alias === bridgeAlias(owner) && one.name !== bridge);
  const make = link === undefined ? [`link add name ${bridge} address ${bridgeMac(owner)} type bridge`] : [];
  const mark = link?.alias == null ? [`link set dev ${bridge} alias ${bridgeAlias(owner)}${withoutIpv6()}`] : [];
  const stale = (link?.addresses ?? []).filter((other) => {
    return other !== own && !leases.some(({ address }) => isInside(other, address));
  });
  const address = link?.addresses.includes(own) === true ? [] : [`address add ${own} dev ${bridge}`];
  return [
    ...former.map(({ name }) => `link delete dev ${name}`),
    ...make,
    ...mark,
    ...stale.map((other) => `address delete ${other} dev ${bridge}`),
    ...address,
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

/** Without it the first packets to a guest wait for answers it cannot give yet, whole seconds long. */
export function neighbourLine({ address, mac }: Lease, { bridge }: Site): string {
  return `neigh replace ${address} lladdr ${mac} dev ${bridge} nud permanent`;
}
