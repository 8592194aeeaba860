import { type AddressKey, keyOfBytes, textOfKey } from './addresses.ts';
import { type Change, type KernelEntry, keyOfTuple, type Tuple } from './kernel-table.ts';

/**
 * Messages of the kernel's connection tracking. Headers are in the byte order of the machine, which is little-endian
 * wherever the C library can be called from here; payloads are big-endian. Anything that does not fit is garbage: it is
 * counted and skipped, and never throws.
 */

/** Types of messages; the high byte of the last two names the subsystem. */
export const MESSAGE = { noop: 1, error: 2, done: 3, entry: 0x0100, get: 0x0101, delete: 0x0102 } as const;
export const ATTRIBUTE = {
  original: 1,
  reply: 2,
  protocolInfo: 4,
  timeout: 7,
  id: 12,
  zone: 18,
  eventTime: 27,
} as const;
export const TUPLE_ATTRIBUTE = { address: 1, protocol: 2 } as const;
export const ADDRESS_ATTRIBUTE = { v4Source: 1, v4Destination: 2, v6Source: 3, v6Destination: 4 } as const;
export const PROTOCOL_ATTRIBUTE = { number: 1, sourcePort: 2, destinationPort: 3 } as const;
const TCP_INFO = 1;
const TCP_STATE = 1;

export const HEADER_BYTES = 16;
/** Follows the header in messages about entries: family, version, resource. */
export const FAMILY_BYTES = 4;
export const ATTRIBUTE_HEADER_BYTES = 4;
/** An attribute's type without the bits that say how it is written. */
const TYPE_MASK = 0x3fff;
/** Of a header's flags: the table changed while it was being read. */
const DUMP_INTERRUPTED = 0x10;
/** Attributes of one kind of place; the kernel knows fewer than this many. */
const ATTRIBUTES_MAX = 32;
const PROTOCOLS: Readonly<Record<number, 'tcp' | 'udp'>> = { 6: 'tcp', 17: 'udp' };
const NS_PER_MS = 1_000_000n;

export interface NetlinkSink {
  concerns(address: AddressKey): boolean;
  entry(entry: KernelEntry, change: Change): void;
  /** The end of an answer; 0, or the error that ended it, as a positive number of the C library. */
  ended(errno: number): void;
  noop(sequence: number): void;
}

export interface Read {
  /** Messages about entries, whomever they concern. */
  messages: number;
  garbage: number;
  interrupted: boolean;
}

/** Offset and length of each attribute at one place; a type that is absent has the offset 0. */
interface Attributes {
  readonly at: Int32Array;
  readonly length: Int32Array;
}

function attributes(): Attributes {
  return { at: new Int32Array(ATTRIBUTES_MAX), length: new Int32Array(ATTRIBUTES_MAX) };
}

/** Kept from message to message, as there are tens of thousands of them in a second: [message, tuple, its parts]. */
const outer = attributes();
const nested = attributes();
const inner = attributes();

/** Reads all messages of one datagram. */
export function readMessages(bytes: Buffer, length: number, sink: NetlinkSink): Read {
  const read: Read = { messages: 0, garbage: 0, interrupted: false };
  const end = Math.min(length, bytes.length);
  let at = 0;
  while (at < end) {
    // Without a length that fits it cannot be known where the next one begins.
    const size = at + HEADER_BYTES <= end ? bytes.readUInt32LE(at) : 0;
    if (size < HEADER_BYTES || at + size > end) {
      read.garbage += 1;
      return read;
    }
    if ((bytes.readUInt16LE(at + 6) & DUMP_INTERRUPTED) !== 0) read.interrupted = true;
    readMessage(bytes, at, at + size, sink, read);
    at += padded(size);
  }
  return read;
}

export function padded(length: number): number {
  return (length + 3) & ~3;
}

function readMessage(bytes: Buffer, at: number, end: number, sink: NetlinkSink, read: Read): void {
  const type = bytes.readUInt16LE(at + 4);
  switch (type) {
    case MESSAGE.noop:
      sink.noop(bytes.readUInt32LE(at + 8));
      return;
    case MESSAGE.done:
    case MESSAGE.error: {
      const told = at + HEADER_BYTES + 4 <= end;
      // An end without a number is how older kernels say that all went well; an error has one.
      if (!told && type === MESSAGE.error) break;
      sink.ended(told ? Math.abs(bytes.readInt32LE(at + HEADER_BYTES)) : 0);
      return;
    }
    case MESSAGE.entry:
    case MESSAGE.delete: {
      read.messages += 1;
      const entry = readEntry(bytes, at + HEADER_BYTES + FAMILY_BYTES, end, sink);
      if (entry === 'garbage') break;
      if (entry !== null) sink.entry(entry, type === MESSAGE.entry ? 'present' : 'destroyed');
      return;
    }
  }
  read.garbage += 1;
}

/** Null: it concerns nobody here. */
function readEntry(bytes: Buffer, from: number, end: number, sink: NetlinkSink): KernelEntry | 'garbage' | null {
  if (!index(bytes, from, end, outer) || outer.at[ATTRIBUTE.reply] === 0) return 'garbage';
  // Most events concern no guest that is watched: nothing more is read of those.
  const guest = sourceOf(bytes, ATTRIBUTE.reply);
  if (guest === null) return 'garbage';
  if (!sink.concerns(guest)) return null;
  const protocol = protocolOf(bytes, ATTRIBUTE.reply);
  if (protocol === null) return 'garbage';
  const kind = PROTOCOLS[protocol.number];
  // Pings and what else has no ports are not connections.
  if (kind === undefined) return null;
  return entryOf(bytes, guest, kind, protocol.sourcePort) ?? 'garbage';
}

function entryOf(bytes: Buffer, guest: AddressKey, protocol: 'tcp' | 'udp', port: number): KernelEntry | null {
  const source = sourceOf(bytes, ATTRIBUTE.original);
  const destination = destinationOf(bytes, ATTRIBUTE.original);
  const ports = protocolOf(bytes, ATTRIBUTE.original);
  if (source === null || destination === null || ports === null) return null;
  const zone = number16(bytes, outer, ATTRIBUTE.zone) ?? 0;
  const { sourcePort, destinationPort } = ports;
  const tuple: Tuple = {
    source,
    destination,
    protocol,
    source_port: sourcePort,
    destination_port: destinationPort,
    zone,
  };
  return {
    key: keyOfTuple(tuple),
    tuple,
    guest,
    protocol,
    original: { source: textOfKey(source), source_port: sourcePort },
    reply: { source: textOfKey(guest), source_port: port },
    id: number32(bytes, outer, ATTRIBUTE.id),
    timeout_s: number32(bytes, outer, ATTRIBUTE.timeout),
    tcp_state: protocol === 'tcp' ? tcpStateOf(bytes) : null,
    occurred_at: eventTimeOf(bytes),
  };
}

/** Notes where the attributes between the two offsets are. False when they do not fit. */
function index(bytes: Buffer, from: number, end: number, found: Attributes): boolean {
  found.at.fill(0);
  let at = from;
  while (at < end) {
    const length = at + ATTRIBUTE_HEADER_BYTES <= end ? bytes.readUInt16LE(at) : 0;
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > end) return false;
    const type = bytes.readUInt16LE(at + 2) & TYPE_MASK;
    // A type that is not known here is one that nothing here asks for.
    if (type < ATTRIBUTES_MAX) {
      found.at[type] = at + ATTRIBUTE_HEADER_BYTES;
      found.length[type] = length - ATTRIBUTE_HEADER_BYTES;
    }
    at += padded(length);
  }
  return true;
}

/** Indexes what lies inside an attribute. False when it is absent or does not fit. */
function enter(bytes: Buffer, around: Attributes, type: number, found: Attributes): boolean {
  const at = around.at[type]!;
  return at !== 0 && index(bytes, at, at + around.length[type]!, found);
}

function sourceOf(bytes: Buffer, tuple: number): AddressKey | null {
  return addressOf(bytes, tuple, ADDRESS_ATTRIBUTE.v4Source, ADDRESS_ATTRIBUTE.v6Source);
}

function destinationOf(bytes: Buffer, tuple: number): AddressKey | null {
  return addressOf(bytes, tuple, ADDRESS_ATTRIBUTE.v4Destination, ADDRESS_ATTRIBUTE.v6Destination);
}

function addressOf(bytes: Buffer, tuple: number, v4: number, v6: number): AddressKey | null {
  if (!enter(bytes, outer, tuple, nested) || !enter(bytes, nested, TUPLE_ATTRIBUTE.address, inner)) return null;
  const type = inner.at[v4] !== 0 ? v4 : v6;
  return inner.at[type] === 0 ? null : keyOfBytes(bytes, inner.at[type]!, inner.length[type]!);
}

function protocolOf(
  bytes: Buffer,
  tuple: number,
): { number: number; sourcePort: number; destinationPort: number } | null {
  if (!enter(bytes, outer, tuple, nested) || !enter(bytes, nested, TUPLE_ATTRIBUTE.protocol, inner)) return null;
  const number = number8(bytes, inner, PROTOCOL_ATTRIBUTE.number);
  if (number === null) return null;
  const sourcePort = number16(bytes, inner, PROTOCOL_ATTRIBUTE.sourcePort);
  const destinationPort = number16(bytes, inner, PROTOCOL_ATTRIBUTE.destinationPort);
  const hasPorts = sourcePort !== null && destinationPort !== null;
  if (!hasPorts && PROTOCOLS[number] !== undefined) return null;
  return { number, sourcePort: sourcePort ?? 0, destinationPort: destinationPort ?? 0 };
}

/** An event that is not about the state leaves it out. */
function tcpStateOf(bytes: Buffer): number | null {
  if (!enter(bytes, outer, ATTRIBUTE.protocolInfo, nested) || !enter(bytes, nested, TCP_INFO, inner)) return null;
  return number8(bytes, inner, TCP_STATE);
}

function eventTimeOf(bytes: Buffer): number | null {
  if (outer.at[ATTRIBUTE.eventTime] === 0 || outer.length[ATTRIBUTE.eventTime] !== 8) return null;
  return Number(bytes.readBigUInt64BE(outer.at[ATTRIBUTE.eventTime]!) / NS_PER_MS);
}

function number8(bytes: Buffer, found: Attributes, type: number): number | null {
  return found.at[type] === 0 || found.length[type] !== 1 ? null : bytes.readUInt8(found.at[type]!);
}

function number16(bytes: Buffer, found: Attributes, type: number): number | null {
  return found.at[type] === 0 || found.length[type] !== 2 ? null : bytes.readUInt16BE(found.at[type]!);
}

function number32(bytes: Buffer, found: Attributes, type: number): number | null {
  return found.at[type] === 0 || found.length[type] !== 4 ? null : bytes.readUInt32BE(found.at[type]!);
}
