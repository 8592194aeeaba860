import type { AppendResult, LogUsage } from '../../actors/contracts/log.ts';
import type { LogOpenErrorCode } from '../../actors/contracts/log-error.ts';

/** What the log's storage needs to know, also when it runs in another thread. */
export interface StorageOptions {
  readonly directory: string;
  readonly ballastBytes: number;
}

/**
 * Appends, five items each: stream, token of the expected head (null for none), bytes, room, landmark (null for none).
 * Flat, since one array of strings crosses to another thread much faster than as many objects.
 */
export type FlatAppends = (string | null)[];
export const ITEMS_PER_APPEND = 5;

/** Entries, six items each: stream, version, sequence, bytes, prev_hash, hash. */
export type FlatEntries = (string | number)[];
export const ITEMS_PER_ENTRY = 6;

/** Heads, eight items each: those of an entry, then version and text of the landmark (0 and '' when there is none). */
export type FlatHeads = (string | number)[];
export const ITEMS_PER_HEAD = 8;

export type ReadRequest =
  | { readonly kind: 'head'; readonly stream: string }
  /**
   * At most `count` entries of one stream from `version` on, or from its first one; none when they lie more than `steps`
   * behind the head. The reply's `next` is the version they begin with.
   */
  | {
      readonly kind: 'near';
      readonly stream: string;
      readonly version: number;
      readonly count: number;
      readonly steps: number;
    }
  /** Sequences of one stream, from `seq` back, at most `count` of them. */
  | { readonly kind: 'walk'; readonly seq: number; readonly count: number }
  /** The entries with these sequences, in that order, as far as a page reaches: `next` is how many are dealt with. */
  | { readonly kind: 'rows'; readonly seqs: Float64Array }
  /** A page of entries after `after`, not past `upTo`, at most `most` of them; `next` is where the following one begins. */
  | { readonly kind: 'page'; readonly after: number; readonly upTo: number; readonly most?: number }
  /** A page of entries before `before`, the newest first; `next` is the `before` of the following one, 0 at the end. */
  | { readonly kind: 'back'; readonly before: number }
  /** A page of last entries of the streams with an id above `after`; `next` is 0 on the last page. */
  | { readonly kind: 'heads'; readonly after: number; readonly landmarks: boolean };

export type Request =
  | { readonly kind: 'append'; readonly appends: FlatAppends }
  /** Makes the ballast again if there is room for it. */
  | { readonly kind: 'restore' }
  /** Takes the entries of a stream before this one from its readers. */
  | { readonly kind: 'trim'; readonly stream: string; readonly version: number; readonly seq: number }
  /** Gives back the room of some entries that were trimmed. */
  | { readonly kind: 'sweep' }
  | { readonly kind: 'usage' }
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
  /** What `next` means stands with each request. */
  | { readonly kind: 'entries'; readonly entries: FlatEntries; readonly next: number }
  | { readonly kind: 'heads'; readonly heads: FlatHeads; readonly next: number }
  | { readonly kind: 'trimmed'; readonly removed: number; readonly completeAfter: number }
  /** `left`: entries that still take up room. */
  | { readonly kind: 'swept'; readonly left: number }
  | { readonly kind: 'usage'; readonly usage: StorageUsage }
  | { readonly kind: 'closed' }
  /** The storage cannot answer for sure. */
  | { readonly kind: 'failed'; readonly message: string };

export type StorageUsage = Omit<LogUsage, 'appended_bytes'>;

/** The first thing the storage says. */
export type Opening =
  | {
      readonly kind: 'opened';
      readonly lastSeq: number;
      readonly streams: number;
      readonly full: boolean;
      readonly unswept: number;
      /** Every entry after this sequence is there. */
      readonly completeAfter: number;
    }
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
