import { hash } from 'node:crypto';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import type { AppendResult } from '../../actors/contracts/log.ts';
import { EXPECTED_SEQUENCE_HEADER } from './claim.ts';
import {
  entryAfter,
  HASH_HEADER,
  type Head,
  PREV_HASH_HEADER,
  positionOf,
  tokenOf,
  VERSION_HEADER,
} from './entries.ts';
import { type LogNames, subjectOf } from './naming.ts';

/** One append as it is sent, as often as it takes to learn what became of it. */
export interface Attempt {
  /** Unique by content: stream, place in it, and everything the chain stands for. The server knows it again. */
  readonly id: string;
  readonly stream: string;
  readonly subject: string;
  /** Sequence of the entry it comes after; 0 for the first one. */
  readonly prevSeq: number;
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly version: number;
  readonly hash: string;
  readonly headers: MsgHdrs;
}

const encoder = new TextEncoder();

export function attemptOf(names: LogNames, stream: string, prev: Head, text: string): Attempt {
  const next = entryAfter(prev, text);
  const subject = subjectOf(names, stream);
  const id = hash('sha256', `${subject} ${prev.seq} ${next.hash}`, 'hex');
  const lines = headers();
  lines.set('Nats-Msg-Id', id);
  lines.set(EXPECTED_SEQUENCE_HEADER, String(prev.seq));
  lines.set(VERSION_HEADER, String(next.version));
  if (next.prevHash !== '') lines.set(PREV_HASH_HEADER, next.prevHash);
  lines.set(HASH_HEADER, next.hash);
  return {
    id,
    stream,
    subject,
    prevSeq: prev.seq,
    text,
    bytes: encoder.encode(text),
    version: next.version,
    hash: next.hash,
    headers: lines,
  };
}

export function appendedAt({ version, hash: entryHash }: Attempt, seq: number): AppendResult {
  return { kind: 'appended', token: tokenOf({ seq, version, hash: entryHash }), position: positionOf(seq), version };
}
