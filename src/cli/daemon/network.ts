import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AddressPool, type AddressRange, parseRange, RANGE_DEFAULT } from '../../actors/address-pool.ts';
import { ownRange6 } from '../../actors/address-range6.ts';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { Network, NetworkError } from '../../actors/contracts/network.ts';
import { createBridgeNetwork } from '../../adapters/bridge/bridge-network.ts';
import type { Site } from '../../adapters/bridge/site.ts';
import { createSimulatedNetwork } from '../../adapters/simulator/simulated-network.ts';
import type { HostSections } from '../../gateway/host-sections.ts';

import { busyPorts } from './busy-ports.ts';
import type { Closers } from './closers.ts';

/** The network of bridged guests, when the daemon is asked for one. */

export interface NetworkOptions {
  /** Name of the bridge; without it there are no bridged guests. */
  readonly bridge?: string | null;
  readonly bridge_range?: AddressRange;
  /** Network of the guests' IPv6 addresses, `auto` or `off`. */
  readonly bridge_range6?: string;
  /** Guests reach beyond the host, behind its address. */
  readonly bridge_nat?: boolean;
}

export interface OpenNetwork {
  readonly addresses: AddressPool;
  readonly network?: Network;
  /** As the network says, for views. */
  readonly addressesOf?: Network['addressesOf'];
  /** As the network says, for probes. */
  readonly probeAddress: () => string | null;
  /** Absent where guests take no port of this host. */
  readonly busyPorts?: () => ReadonlySet<number>;
}

/** What the kernel takes as the name of a device, without what `ip` or `nft` would read as something else. */
export const BRIDGE_NAME = /^[a-z][a-z0-9_-]{0,14}$/i;

const OWNER_FILE = 'network-owner';
const OWNER_BYTES = 8;
const OWNER = /^[0-9a-f]{16}$/;

interface Given {
  readonly data: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly simulated: boolean;
}

/** What the bridge of these settings is to be like, and the addresses on it; null when there is to be none. */
export function siteOf(
  { bridge = null, bridge_range, bridge_range6 = 'auto', bridge_nat = false }: NetworkOptions,
  ownerOfAll: () => string,
): { site: Site; range: AddressRange } | null {
  const range = bridge_range ?? parseRange(RANGE_DEFAULT);
  if (bridge === null || range === null) return null;
  const owner = ownerOfAll();
  const { cidr, prefix, gateway, probe } = range;
  const range6 = range6Of(bridge_range6, owner);
  const uid = process.getuid?.() ?? 0;
  return { site: { bridge, owner, range: cidr, prefix, gateway, range6, probe, nat: bridge_nat, uid }, range };
}

const NO_IPV6 = '/proc/sys/net/ipv6/conf/default/disable_ipv6';

function range6Of(setting: string, owner: string): string | null {
  if (setting === 'off') return null;
  if (setting !== 'auto') return setting;
  const speaksIpv6 = existsSync(NO_IPV6) && readFileSync(NO_IPV6, 'utf8').trim() === '0';
  return speaksIpv6 ? ownRange6(owner) : null;
}

export function openNetwork(options: NetworkOptions, given: Given): OpenNetwork {
  const wanted = siteOf(options, () => ownerOf(given.data, given.random));
  // A simulated guest listens on no port of this host.
  const ports = given.simulated ? {} : { busyPorts };
  if (wanted === null) return { ...ports, addresses: new AddressPool(null), probeAddress: () => null };
  const { site, range } = wanted;
  const network = given.simulated ? createSimulatedNetwork(site) : createBridgeNetwork({ ...site, clock: given.clock });
  const addresses = new AddressPool(range);
  const addressesOf = (address: string): readonly string[] => network.addressesOf(address);
  return { ...ports, addresses, network, addressesOf, probeAddress: () => network.probeAddress() };
}

/**
 * Shows the network among the sections of the host. Called when the runtime has started: what is looked at now comes
 * after what the start has put in order.
 */
export function showNetwork(
  { network, addresses }: Pick<OpenNetwork, 'network' | 'addresses'>,
  { sections, closers, say }: Shown,
): void {
  if (network === undefined) {
    sections.add('network', () => ({ bridge: null }));
    return;
  }
  let problems: readonly NetworkError[] = [];
  const looked = network.check().then((found) => {
    problems = found;
    for (const { code, message } of found) say(`Network: ${code}: ${message}.`);
  });
  closers.add(() => looked, 'look at the network');
  sections.add('network', () => {
    return { ...network.status(), problems_at_start: problems, addresses: addresses.usage() };
  });
}

interface Shown {
  readonly sections: HostSections;
  readonly closers: Closers;
  readonly say: (line: string) => void;
}

/** Stands in the marks of what is made on the host. It moves with the data directory: so do the instances. */
function ownerOf(data: string, random: Random): string {
  const known = knownOwner(data);
  if (known !== null) return known;
  const owner = random.hex(OWNER_BYTES);
  writeFileSync(ownerFile(data), `${owner}\n`, { mode: 0o600, flush: true });
  return owner;
}

/** Null when nothing was ever made from this data directory. */
export function knownOwner(data: string): string | null {
  const known = existsSync(ownerFile(data)) ? readFileSync(ownerFile(data), 'utf8').trim() : '';
  return OWNER.test(known) ? known : null;
}

export function ownerFile(data: string): string {
  return join(data, OWNER_FILE);
}
