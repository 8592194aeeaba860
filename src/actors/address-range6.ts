import { createHash } from 'node:crypto';
import { BlockList, isIPv6 } from 'node:net';
import { canonical6, groups6, PREFIX6 } from './contracts/address6.ts';

/** The network of the guests' IPv6 addresses. */

const UNICAST = new BlockList();
UNICAST.addSubnet('fc00::', 7, 'ipv6');
UNICAST.addSubnet('2000::', 3, 'ipv6');

/** Reads a network such as `fd12:3456:789a::/64`; null when it is none whose addresses guests could have. */
export function parseRange6(text: string): string | null {
  const [address = '', length = ''] = text.split('/');
  if (!isIPv6(address) || address.includes('%') || length !== String(PREFIX6)) return null;
  if (!UNICAST.check(address, 'ipv6')) return null;
  return `${canonical6(`${groups6(address).slice(0, 4).join(':')}::`)}/${PREFIX6}`;
}

/** A unique local one (RFC 4193): its 40 bits follow from the owner of the bridge, so hardly anybody else has the same. */
export function ownRange6(owner: string): string {
  const bits = createHash('sha256').update(owner).digest('hex');
  return `${canonical6(`fd${bits.slice(0, 2)}:${bits.slice(2, 6)}:${bits.slice(6, 10)}::`)}/${PREFIX6}`;
}
