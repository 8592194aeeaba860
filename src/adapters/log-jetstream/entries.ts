import type { MsgHdrs } from '@nats-io/transport-node';
import { chainHash } from '../../actors/contracts/chain.ts';
import type { LogEntry, Position, Token } from '../../actors/contracts/log.ts';
import { LogOpenError } from '../../actors/contracts/log-error.ts';
import { type LogNames, streamOf } from './naming.ts';

/** An entry as JetStream keeps it: the bytes are the message, its place in the chain stands in headers. */

const POSITION_DIGITS = 16;
const HASH = /^[0-9a-f]{64}$/;
const TOKEN = /^(\d{16})\.(\d+)\.([0-9a-f]{64})$/;

export const VERSION_HEADER = 'Statevisor-Version';
export const PREV_HASH_HEADER = 'Statevisor-Prev-Hash';
export const HASH_HEADER = 'Statevisor-Hash';
/** Room for what stands beside the bytes of an entry: three hashes, two numbers and the names of the headers. */
export const HEADER_BYTES_MAX = 512;

/** What a message carries, whichever way it was fetched. */
export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  readonly headers: MsgHdrs | undefined;
  readonly data: Uint8Array;
}

/** What the token of a head says: all that the next entry needs to know of it. */
export interface Head {
  readonly seq: number;
  readonly version: number;
  readonly hash: string;
}

/** Before the first entry of a stream; JetStream's expected sequence is 0 then. */
export const NO_HEAD: Head = { seq: 0, version: 0, hash: '' };

/** A leading U+FEFF is text like any other. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function positionOf(seq: number): Position {
  return String(seq).padStart(POSITION_DIGITS, '0');
}

export function seqOf(after: Position | null): number {
  return after === null ? 0 : Number(after);
}

export function tokenOf({ seq, version, hash }: Head): Token {
  return `${positionOf(seq)}.${version}.${hash}` as Token;
}

/** Null when this log cannot have made the token. */
export function headNamedBy(token: Token | null): Head | null {
  if (token === null) return NO_HEAD;
  const match = TOKEN.exec(token);
  if (match === null) return null;
  const [, seq, version, hash] = match;
  return { seq: Number(seq), version: Number(version), hash: hash ?? '' };
}

/** What is appended after a head, before the server has given it its sequence. */
export interface NextEntry {
  readonly version: number;
  readonly prevHash: string;
  readonly hash: string;
}

export function entryAfter(prev: Head, bytes: string): NextEntry {
  return { version: prev.version + 1, prevHash: prev.hash, hash: chainHash(prev.hash, bytes) };
}

/** Throws when the message is not one this log has written. */
export function entryOf(names: LogNames, { subject, seq, headers, data }: StoredMessage): LogEntry {
  const stream = streamOf(names, subject);
  const version = Number(headers?.get(VERSION_HEADER));
  const hash = headers?.get(HASH_HEADER) ?? '';
  const prevHash = headers?.get(PREV_HASH_HEADER) ?? '';
  if (stream === null || !Number.isSafeInteger(version) || version < 1 || !HASH.test(hash)) {
    const message = `Message ${seq} on ${subject} was not written by a log of ours.`;
    throw new LogOpenError('log_unreadable', names.stream, message);
  }
  return {
    stream,
    version,
    position: positionOf(seq),
    token: tokenOf({ seq, version, hash }),
    bytes: decoder.decode(data),
    prev_hash: prevHash,
    hash,
  };
}
