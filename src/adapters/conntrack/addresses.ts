import { isIPv4, isIPv6 } from 'node:net';

/**
 * Addresses as the kernel's messages hold them. Looking one up is done for every event of the host, so a key is made of
 * the bytes without writing them out: the number of an IPv4 address, the sixteen bytes of an IPv6 address as characters.
 */
export type AddressKey = number | string;

const V4_BYTES = 4;
const V6_BYTES = 16;
/** `::ffff:0:0/96`: an IPv4 address in the form of an IPv6 one. */
const MAPPED = `${'\0'.repeat(10)}\xff\xff`;

/** Null when that many bytes are no address. */
export function keyOfBytes(bytes: Buffer, at: number, length: number): AddressKey | null {
  if (length === V4_BYTES) return bytes.readUInt32BE(at);
  return length === V6_BYTES ? bytes.toString('latin1', at, at + V6_BYTES) : null;
}

export function isMapped(key: AddressKey): boolean {
  return typeof key === 'string' && key.startsWith(MAPPED);
}

export function bytesOfKey(key: AddressKey): Buffer {
  if (typeof key === 'string') return Buffer.from(key, 'latin1');
  const bytes = Buffer.alloc(V4_BYTES);
  bytes.writeUInt32BE(key);
  return bytes;
}

/** All keys under which the kernel may name this address: an IPv4 address has a mapped form, too. Empty: no address. */
export function keysOfText(text: string): readonly AddressKey[] {
  if (isIPv4(text)) {
    const number = numberOf(text);
    return [number, MAPPED + bytesOfKey(number).toString('latin1')];
  }
  if (!isIPv6(text)) return [];
  const key = bytesOfV6(text).toString('latin1');
  return key.startsWith(MAPPED) ? [Buffer.from(key, 'latin1').readUInt32BE(MAPPED.length), key] : [key];
}

/** Canonical text (RFC 5952); a mapped IPv4 address is written as the IPv4 address it is. */
export function textOfKey(key: AddressKey): string {
  if (typeof key === 'number') return bytesOfKey(key).join('.');
  const bytes = bytesOfKey(key);
  if (key.startsWith(MAPPED)) return bytes.subarray(MAPPED.length).join('.');
  const groups = Array.from({ length: V6_BYTES / 2 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  const zeros = longestZeros(groups);
  if (zeros === null) return groups.join(':');
  return `${groups.slice(0, zeros.at).join(':')}::${groups.slice(zeros.at + zeros.length).join(':')}`;
}

function numberOf(text: string): number {
  return Buffer.from(text.split('.').map(Number)).readUInt32BE();
}

function bytesOfV6(text: string): Buffer {
  const [address = ''] = text.split('%');
  // The last two groups may be written as an IPv4 address.
  const plain = address.replace(/[^:]+\.[^:]+$/, (v4) => {
    const number = numberOf(v4);
    return `${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`;
  });
  const [head = '', tail] = plain.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...before, ...Array<string>(V6_BYTES / 2 - before.length - after.length).fill('0'), ...after];
  const bytes = Buffer.alloc(V6_BYTES);
  groups.forEach((group, index) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2);
  });
  return bytes;
}

/** The first of the longest rows of at least two zero groups, which is the one that `::` stands for. */
function longestZeros(groups: readonly string[]): { at: number; length: number } | null {
  let best: { at: number; length: number } | null = null;
  for (let at = 0; at < groups.length; at += 1) {
    let length = 0;
    while (groups[at + length] === '0') length += 1;
    if (length > Math.max(1, best?.length ?? 0)) best = { at, length };
    at += length;
  }
  return best;
}
