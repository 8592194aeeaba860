import { type AddressKey, keyOfBytes, textOfKey } from './addresses.ts';
import { type Change, type KernelEntry, keyOfTuple, type Tuple } from './kernel-table.ts';
import { hasPorts, protocolOf } from './protocols.ts';

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
export const TUPLE_ATTRIBUTE = { address: 1, protocol: 2, zone: 3 } as const;
export const ADDRESS_ATTRIBUTE = { v4Source: 1, v4Destination: 2, v6Source: 3, v6Destination: 4 } as const;
export const PROTOCOL_ATTRIBUTE = { number: 1, sourcePort: 2, destinationPort: 3 } as const;
const TCP_INFO = 1;
const TCP_ATTRIBUTE = { state: 1, originalFlags: 4 } as const;
/** What the kernel notes of a TCP connection: its opener said how windows are scaled; it is not checked strictly. */
const TCP_FLAG = { scalesWindows: 1, isLiberal: 8 } as const;

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
const NS_PER_MS = 1_000_000n;

/** The attribute of a tuple. */
type Direction = typeof ATTRIBUTE.original | typeof ATTRIBUTE.reply;

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
      const change = type === MESSAGE.entry ? 'present' : 'destroyed';
      if (!readEntry(bytes, at + HEADER_BYTES + FAMILY_BYTES, end, change, sink)) break;
      return;
    }
  }
  read.garbage += 1;
}

/** False when it cannot be understood. */
function readEntry(bytes: Buffer, from: number, end: number, change: Change, sink: NetlinkSink): boolean {
  if (!index(bytes, from, end, outer) || outer.at[ATTRIBUTE.reply] === 0) return false;
  // Most events concern no guest that is watched: hardly more is read of those.
  const answers = sourceOf(bytes, ATTRIBUTE.reply);
  if (answers === null) return false;
  if (sink.concerns(answers) && !tell(bytes, ATTRIBUTE.reply, change, sink)) return false;
  if (!mayBeTurned(bytes, change)) return true;
  const spokeFirst = sourceOf(bytes, ATTRIBUTE.original);
  return spokeFirst === null || !sink.concerns(spokeFirst) || tell(bytes, ATTRIBUTE.original, change, sink);
}

/**
 * Whether its directions may be the wrong way round. The kernel forgets connections that are open, when it is told to or
 * when its table is full, and takes them up again with their next packet: whoever sends that is their opener for it. Such
 * an entry is not checked strictly, and nobody has said how windows are scaled. Its end no longer tells.
 */
function mayBeTurned(bytes: Buffer, change: Change): boolean {
  if (!enter(bytes, outer, ATTRIBUTE.protocolInfo, nested) || !enter(bytes, nested, TCP_INFO, inner)) return false;
  if (change === 'destroyed') return true;
  const at = inner.at[TCP_ATTRIBUTE.originalFlags]!;
  if (at === 0 || inner.length[TCP_ATTRIBUTE.originalFlags]! < 1) return false;
  return (bytes.readUInt8(at) & (TCP_FLAG.isLiberal | TCP_FLAG.scalesWindows)) === TCP_FLAG.isLiberal;
}

/** Tells the entry of the guest that the source of one direction is. False when it cannot be understood. */
function tell(bytes: Buffer, guestIs: Direction, change: Change, sink: NetlinkSink): boolean {
  const number = protocolNumberOf(bytes, guestIs);
  const protocol = number === null ? null : protocolOf(number);
  if (protocol === null) return number !== null;
  const source = sourceOf(bytes, ATTRIBUTE.original);
  const destination = destinationOf(bytes, ATTRIBUTE.original);
  const answers = sourceOf(bytes, ATTRIBUTE.reply);
  const ports = portsOf(bytes, ATTRIBUTE.original, hasPorts(protocol));
  const port = portsOf(bytes, ATTRIBUTE.reply, hasPorts(protocol))?.source_port;
  if (source === null || destination === null || answers === null || ports === null || port === undefined) return false;
  const zone = number16(bytes, outer, ATTRIBUTE.zone) ?? 0;
  const tuple: Tuple = { source, destination, protocol, ...ports, zone, original_zone: originalZoneOf(bytes) };
  const opener = { source: textOfKey(source), source_port: ports.source_port };
  const answerer = { source: textOfKey(answers), source_port: port };
  const isTurned = guestIs === ATTRIBUTE.original;
  const entry: KernelEntry = {
    key: keyOfTuple(tuple),
    tuple,
    guest: isTurned ? source : answers,
    protocol,
    original: isTurned ? answerer : opener,
    reply: isTurned ? opener : answerer,
    id: number32(bytes, outer, ATTRIBUTE.id),
    timeout_s: number32(bytes, outer, ATTRIBUTE.timeout),
    tcp_state: protocol === 'tcp' ? tcpStateOf(bytes) : null,
    occurred_at: eventTimeOf(bytes),
  };
  sink.entry(entry, change);
  return true;
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

function sourceOf(bytes: Buffer, tuple: Direction): AddressKey | null {
  return addressOf(bytes, tuple, ADDRESS_ATTRIBUTE.v4Source, ADDRESS_ATTRIBUTE.v6Source);
}

function destinationOf(bytes: Buffer, tuple: Direction): AddressKey | null {
  return addressOf(bytes, tuple, ADDRESS_ATTRIBUTE.v4Destination, ADDRESS_ATTRIBUTE.v6Destination);
}

function addressOf(bytes: Buffer, tuple: Direction, v4: number, v6: number): AddressKey | null {
  if (!enter(bytes, outer, tuple, nested) || !enter(bytes, nested, TUPLE_ATTRIBUTE.address, inner)) return null;
  const type = inner.at[v4] !== 0 ? v4 : v6;
  return inner.at[type] === 0 ? null : keyOfBytes(bytes, inner.at[type]!, inner.length[type]!);
}

function protocolNumberOf(bytes: Buffer, tuple: Direction): number | null {
  if (!enter(bytes, outer, tuple, nested) || !enter(bytes, nested, TUPLE_ATTRIBUTE.protocol, inner)) return null;
  return number8(bytes, inner, PROTOCOL_ATTRIBUTE.number);
}

/** Null when there are none and there should be. */
function portsOf(
  bytes: Buffer,
  tuple: Direction,
  needed: boolean,
): Pick<Tuple, 'source_port' | 'destination_port'> | null {
  if (!enter(bytes, outer, tuple, nested) || !enter(bytes, nested, TUPLE_ATTRIBUTE.protocol, inner)) return null;
  const source = number16(bytes, inner, PROTOCOL_ATTRIBUTE.sourcePort);
  const destination = number16(bytes, inner, PROTOCOL_ATTRIBUTE.destinationPort);
  if (needed && (source === null || destination === null)) return null;
  return { source_port: source ?? 0, destination_port: destination ?? 0 };
}

function originalZoneOf(bytes: Buffer): number {
  return enter(bytes, outer, ATTRIBUTE.original, nested) ? (number16(bytes, nested, TUPLE_ATTRIBUTE.zone) ?? 0) : 0;
}

/** An event that is not about the state leaves it out. */
function tcpStateOf(bytes: Buffer): number | null {
  if (!enter(bytes, outer, ATTRIBUTE.protocolInfo, nested) || !enter(bytes, nested, TCP_INFO, inner)) return null;
  return number8(bytes, inner, TCP_ATTRIBUTE.state);
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
