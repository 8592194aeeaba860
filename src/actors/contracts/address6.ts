import { SocketAddress } from 'node:net';

/**
 * IPv6 addresses of bridged guests: the network's 64 bits, and in the last 32 the IPv4 address, so that one follows from
 * the other and nothing more has to be leased. Beside it each has the link-local one of its card.
 */

export const PREFIX6 = 64;
const GROUPS = 8;

/** In the one text that every part compares addresses in (RFC 5952). */
export function canonical6(address: string): string {
  return new SocketAddress({ address, family: 'ipv6' }).address;
}

/** All eight groups of an address, in hexadecimal. */
export function groups6(address: string): string[] {
  const [before = '', after] = canonical6(address).split('::');
  const groupsOf = (part: string): string[] => (part === '' ? [] : part.split(':'));
  if (after === undefined) return groupsOf(before);
  const [left, right] = [groupsOf(before), groupsOf(after)];
  return [...left, ...new Array<string>(GROUPS - left.length - right.length).fill('0'), ...right];
}

/** The address in a network such as `fd12:3456:789a::/64` that belongs to this IPv4 address. */
export function address6In(network6: string, address: string): string {
  const [network = ''] = network6.split('/');
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  const low = [(a << 8) | b, (c << 8) | d].map((group) => group.toString(16));
  return canonical6([...groups6(network).slice(0, 4), '0', '0', ...low].join(':'));
}

/** The IPv6 address that a card with this hardware address gives itself (RFC 4291, appendix A). */
export function linkLocal(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map((octet) => Number.parseInt(octet, 16));
  const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, (0xfe << 8) | d, (e << 8) | f];
  return canonical6(`fe80::${groups.map((group) => group.toString(16)).join(':')}`);
}
