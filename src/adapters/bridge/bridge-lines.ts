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

export function refuseForeignBridge(links: readonly Link[], { bridge, owner }: Site): void {
  const link = links.find((one) => one.name === bridge);
  if (link === undefined) return;
  const isUnfinished = link.alias === null && link.mac === bridgeMac(owner);
  if (link.kind === 'bridge' && (link.alias === bridgeAlias(owner) || isUnfinished)) return;
  throw new NetworkFailure('not_ours', `the device ${bridge} belongs to somebody else`);
}

/** Lines that make the bridge as it should be; none when it is. */
export function bridgeLines(links: readonly Link[], { bridge, owner, gateway, prefix }: Site): string[] {
  const link = links.find((one) => one.name === bridge);
  const own = `${gateway}/${prefix}`;
  const make = link === undefined ? [`link add name ${bridge} address ${bridgeMac(owner)} type bridge`] : [];
  const mark = link?.alias == null ? [`link set dev ${bridge} alias ${bridgeAlias(owner)} addrgenmode none`] : [];
  const stale = (link?.addresses ?? []).filter((address) => address !== own);
  const address = link?.addresses.includes(own) === true ? [] : [`address add ${own} dev ${bridge}`];
  return [
    ...make,
    ...mark,
    ...stale.map((other) => `address delete ${other} dev ${bridge}`),
    ...address,
    ...(link?.isUp === true ? [] : [`link set dev ${bridge} up`]),
  ];
}

export function enslaveLines(tap: string, { bridge }: Site): string[] {
  return [`link set dev ${tap} master ${bridge}`, `link set dev ${tap} up`];
}

/** Without it the first packets to a guest wait for answers it cannot give yet, whole seconds long. */
export function neighbourLine({ address, mac }: Lease, { bridge }: Site): string {
  return `neigh replace ${address} lladdr ${mac} dev ${bridge} nud permanent`;
}
