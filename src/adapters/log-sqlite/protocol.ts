import type { AppendResult } from '../../actors/contracts/log.ts';
import type { LogOpenErrorCode } from '../../actors/contracts/log-error.ts';

/** What the log's storage needs to know, also when it runs in another thread. */
export interface StorageOptions {
  readonly directory: string;
  readonly ballastBytes: number;
}

/**
 * Appends, four items each: stream, token of the expected head (null for none), bytes, room. Flat, since one array of
 * strings crosses to another thread much faster than as many objects.
 */
export type FlatAppends = (string | null)[];
export const ITEMS_PER_APPEND = 4;

/** Entries, six items each: stream, version, sequence, bytes, prev_hash, hash. */
export type FlatEntries = (string | number)[];
export const ITEMS_PER_ENTRY = 6;

export type ReadRequest =
  | { readonly kind: 'head'; readonly stream: string }
  /** At most `count` entries of one stream from `version` on; none when they lie more than `steps` behind the head. */
  | {
      readonly kind: 'near';
      readonly stream: string;
      readonly version: number;
      readonly count: number;
      readonly steps: number;
    }
  /** Sequences of one stream, from `seq` back, at most `count` of them. */
  | { readonly kind: 'walk'; readonly seq: number; readonly count: number }
  /** The entries with these sequences, in that order: as many of the first as a page holds. */
  | { readonly kind: 'rows'; readonly seqs: Float64Array }
  /** A page of entries after `after`, not past `upTo`, at most `most` of them. */
  | { readonly kind: 'page'; readonly after: number; readonly upTo: number; readonly most?: number }
  /** A page of last entries of the streams with an id above `after`. */
  | { readonly kind: 'heads'; readonly after: number };

export type Request =
  | { readonly kind: 'append'; readonly appends: FlatAppends }
  /** Makes the ballast again if there is room for it. */
  | { readonly kind: 'restore' }
  | { readonly kind: 'close' }
  | ReadRequest;

export interface AppendReply {
  readonly kind: 'appends';
  /** One per append: its sequence, or 0 when it was not appended. */
  readonly seqs: Float64Array;
  readonly versions: Float64Array;
  /** Index and answer of every append that was not appended. */
  readonly others: readonly (readonly [number, AppendResult])[];
  readonly full: boolean;
}

export type Reply =
  | AppendReply
  | { readonly kind: 'room'; readonly full: boolean }
  | { readonly kind: 'seqs'; readonly seqs: Float64Array }
  /** `next` is what `after` of the following page has to be, or 0 after the last page of heads. */
  | { readonly kind: 'entries'; readonly entries: FlatEntries; readonly next: number }
  | { readonly kind: 'closed' }
  /** The storage cannot answer for sure. */
  | { readonly kind: 'failed'; readonly message: string };

/** The first thing the storage says. */
export type Opening =
  | { readonly kind: 'opened'; readonly lastSeq: number; readonly streams: number; readonly full: boolean }
  | {
      readonly kind: 'not_opened';
      readonly code: LogOpenErrorCode;
      readonly message: string;
      readonly ownerPid: number | null;
    };

/** Digits of a position and of a token: fixed, so that they compare as strings up to the largest safe integer. */
const POSITION_DIGITS = 16;

/** Both the position of an entry and its stream's token while it is the head. */
export function positionOf(seq: number): string {
  return String(seq).padStart(POSITION_DIGITS, '0');
}
