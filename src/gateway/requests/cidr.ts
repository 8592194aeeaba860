import { isIPv4, isIPv6 } from 'node:net';

const GROUP_BITS = 16;
/** Bits before the IPv4 address in an IPv6 one. */
const MAPPED_BITS = 96;

/** A network in canonical text with its host bits cleared (`172.16.9.7/16` → `172.16.0.0/16`); null if it is none. */
export function canonicalCidr(text: string): string | null {
  const match = /^([0-9a-fA-F.:]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  if (match === null) return null;
  const address = match[1]!;
  const length = Number(match[2]);
  if (isIPv4(address)) return length > 32 ? null : `${maskedIPv4(address, length)}/${length}`;
  if (!isIPv6(address) || length > 128) return null;
  const mapped = length >= MAPPED_BITS ? mappedIPv4(address) : null;
  if (mapped !== null) return `${maskedIPv4(mapped, length - MAPPED_BITS)}/${length - MAPPED_BITS}`;
  return `${maskedIPv6(address, length)}/${length}`;
}

/** An IPv4 address in the clothes of an IPv6 one (`::ffff:10.0.0.1`): connections from there are of IPv4. */
function mappedIPv4(address: string): string | null {
  const groups = ipv6Groups(address);
  if (groups.slice(0, 5).some((group) => group !== 0) || groups[5] !== 0xffff) return null;
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}

function maskedIPv4(address: string, length: number): string {
  return maskedGroups(address.split('.').map(Number), 8, length).join('.');
}

function maskedIPv6(address: string, length: number): string {
  const groups = maskedGroups(ipv6Groups(address), GROUP_BITS, length);
  return shortened(groups.map((group) => group.toString(16)).join(':'));
}

function maskedGroups(groups: readonly number[], bits: number, length: number): number[] {
  return groups.map((group, index) => {
    const kept = Math.min(bits, Math.max(0, length - index * bits));
    return (group >> (bits - kept)) << (bits - kept);
  });
}

/** The URL parser knows the canonical text of an address, also of one that ends in dotted numbers. */
function shortened(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function ipv6Groups(address: string): number[] {
  const [before = '', after] = shortened(address).split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  if (after === undefined) return groups(before);
  const [left, right] = [groups(before), groups(after)];
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}
