import { type AddressKey, bytesOfKey } from './addresses.ts';
import type { KernelEntry, Tuple } from './kernel-table.ts';
import {
  ADDRESS_ATTRIBUTE,
  ATTRIBUTE,
  ATTRIBUTE_HEADER_BYTES,
  FAMILY_BYTES,
  HEADER_BYTES,
  MESSAGE,
  PROTOCOL_ATTRIBUTE,
  padded,
  TUPLE_ATTRIBUTE,
} from './netlink-messages.ts';
import { numberOf } from './protocols.ts';

/** What is asked of the kernel. */

const FLAG = { request: 1, acknowledge: 4, dump: 0x300 } as const;
const NESTED = 0x8000;
const AF_UNSPEC = 0;
const AF_INET = 2;
const AF_INET6 = 10;

export function dumpRequest(sequence: number): Buffer {
  return message(MESSAGE.get, FLAG.request | FLAG.dump, sequence, [family(AF_UNSPEC)]);
}

/**
 * Removes one entry, named by its tuple and its number, so that another connection over the same tuple stays. A request
 * without a tuple would remove every entry of the host: there is no way to make one here.
 */
export function deleteRequest({ tuple, id }: KernelEntry, sequence: number): Buffer {
  const parts = [
    family(typeof tuple.source === 'number' ? AF_INET : AF_INET6),
    attribute(ATTRIBUTE.original | NESTED, tupleBytes(tuple)),
  ];
  if (id !== null) parts.push(attribute(ATTRIBUTE.id, big32(id)));
  if (tuple.zone !== 0) parts.push(attribute(ATTRIBUTE.zone, big16(tuple.zone)));
  return message(MESSAGE.delete, FLAG.request | FLAG.acknowledge, sequence, parts);
}

/** Says nothing; it is recognised by its number when it is read. */
export function noopMessage(sequence: number): Buffer {
  return message(MESSAGE.noop, 0, sequence, []);
}

function tupleBytes(tuple: Tuple): Buffer {
  const zone = tuple.original_zone === 0 ? [] : [attribute(TUPLE_ATTRIBUTE.zone, big16(tuple.original_zone))];
  return Buffer.concat([
    attribute(TUPLE_ATTRIBUTE.address | NESTED, addressBytes(tuple.source, tuple.destination)),
    attribute(
      TUPLE_ATTRIBUTE.protocol | NESTED,
      Buffer.concat([
        attribute(PROTOCOL_ATTRIBUTE.number, Buffer.from([numberOf(tuple.protocol)])),
        attribute(PROTOCOL_ATTRIBUTE.sourcePort, big16(tuple.source_port)),
        attribute(PROTOCOL_ATTRIBUTE.destinationPort, big16(tuple.destination_port)),
      ]),
    ),
    ...zone,
  ]);
}

function addressBytes(source: AddressKey, destination: AddressKey): Buffer {
  const [from, to] =
    typeof source === 'number'
      ? [ADDRESS_ATTRIBUTE.v4Source, ADDRESS_ATTRIBUTE.v4Destination]
      : [ADDRESS_ATTRIBUTE.v6Source, ADDRESS_ATTRIBUTE.v6Destination];
  return Buffer.concat([attribute(from, bytesOfKey(source)), attribute(to, bytesOfKey(destination))]);
}

function message(type: number, flags: number, sequence: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(HEADER_BYTES + body.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt32LE(sequence, 8);
  return Buffer.concat([header, body]);
}

function family(number: number): Buffer {
  const bytes = Buffer.alloc(FAMILY_BYTES);
  bytes.writeUInt8(number, 0);
  return bytes;
}

function attribute(type: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(padded(ATTRIBUTE_HEADER_BYTES + payload.length));
  bytes.writeUInt16LE(ATTRIBUTE_HEADER_BYTES + payload.length, 0);
  bytes.writeUInt16LE(type, 2);
  payload.copy(bytes, ATTRIBUTE_HEADER_BYTES);
  return bytes;
}

function big16(number: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(number);
  return bytes;
}

function big32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
}
