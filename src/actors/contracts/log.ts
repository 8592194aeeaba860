/**
 * The log: the append-only authority for every instance. One stream per instance, versions 1, 2, 3, ... without
 * gaps. Everything else in this project is derived from it.
 *
 * Promises every implementation keeps (test/contracts/log.contract.ts runs over each of them):
 * - `append` answers `appended` only when the entry would survive what `survives` names.
 * - An append whose `prev` is not the stream's head token changes nothing and answers `conflict` with the head.
 *   A conflict on one stream never fails or delays an append to another one.
 * - `unknown` means the outcome could not be learnt; the caller resolves it by reading the head. What is not there when
 *   the head has been read will not be written later either.
 * - `refused` means nothing was written and nothing will be: see `RefusalReason`.
 * - `bytes` is well-formed Unicode, as JSON.stringify makes it; any such text comes back exactly.
 * - After `close`, appends answer `refused`, reads throw and subscriptions end. A subscription whose log has failed throws.
 * - Entries are never edited, and removed only by `trim`, which never removes a stream's last entry. What is left keeps
 *   its version, position and hashes: the first entry of a trimmed stream still names the hash of the one before it.
 * - `hash` = SHA-256 (hex) over `prev_hash` + `bytes` (contracts/chain.ts); the `prev_hash` of version 1 is ''.
 */

declare const tokenBrand: unique symbol;
/** Names one head of one stream. Opaque: only the log that made it can read it. */
export type Token = string & { readonly [tokenBrand]: true };

/** Place in the whole log. Compares as a string in the order of the log; never reused. */
export type Position = string;

export interface LogEntry {
  readonly stream: string;
  /** 1 for the first entry of the stream. */
  readonly version: number;
  readonly position: Position;
  readonly token: Token;
  /** The exact text that was appended and hashed. */
  readonly bytes: string;
  readonly prev_hash: string;
  readonly hash: string;
}

/** The last entry of a stream, as a listing of heads gives it. */
export interface LogHead extends LogEntry {
  /**
   * The stream's newest landmark with the version of its entry, when it was asked for, the log keeps landmarks in mind,
   * that entry is still there, and it is another one than the head. Its absence says nothing.
   */
  readonly landmark?: { readonly version: number; readonly text: string };
}

export type AppendResult =
  | { readonly kind: 'appended'; readonly token: Token; readonly position: Position; readonly version: number }
  | { readonly kind: 'conflict'; readonly head: LogEntry | null }
  | { readonly kind: 'unknown'; readonly message: string }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly message: string };

/**
 * `full`: no room; `unavailable`: the log cannot be reached, or was closed; `too_large`: this one entry will never fit;
 * `not_owner`: another process has taken the log over, and this one must decide nothing any more.
 */
export type RefusalReason = 'full' | 'unavailable' | 'too_large' | 'not_owner';

/**
 * `reserved` entries (stop, exits, results of effects) may use the room kept free for them when the disk is full;
 * `ordinary` ones may not.
 */
export type Room = 'ordinary' | 'reserved';

/** What of the log is there. */
export interface LogExtent {
  /** Every entry after this position is there; of those up to it retention has removed some. Null: none was removed. */
  readonly completeAfter: Position | null;
  /** Position of the last entry; null while there is none. */
  readonly last: Position | null;
}

/**
 * How far an acknowledged append reaches. `nothing`: it ends with this process. `process`: it outlives the end of every
 * process, and not a crash of the operating system. `os`: that too, and a loss of power. `node`: it outlives the loss
 * of a whole machine.
 */
export type Survives = 'nothing' | 'process' | 'os' | 'node';

/** `log_full`: ordinary appends are refused. `log_unreachable`: all are. `not_owner`: all are, for good. */
export type LogMode = 'serving' | 'log_full' | 'log_unreachable' | 'not_owner';

/** What is known of the log without asking it. */
export interface LogState {
  readonly mode: LogMode;
  /** Whether an append would be sent at all. */
  readonly reachable: boolean;
  /** When the mode began (epoch ms); null while it serves. */
  readonly since: number | null;
  /** Why it does not serve, in a sentence that tells no secret; null while it does. */
  readonly message: string | null;
}

export const SERVING: LogState = { mode: 'serving', reachable: true, since: null, message: null };

/** How much the log takes up. */
export interface LogUsage {
  /** Entries that are there. */
  readonly entries: number;
  /** What they and their bookkeeping take up. */
  readonly bytes: number;
  /** Of `bytes`, what removed entries have left free for new ones. */
  readonly reusable_bytes: number;
  /** Text appended since the log was opened. */
  readonly appended_bytes: number;
  /** The disk below; null for a log that has none of its own. */
  readonly disk: { readonly free_bytes: number; readonly total_bytes: number } | null;
}

export interface Log {
  readonly survives: Survives;
  /** Answers at once. */
  state(): LogState;
  /**
   * `prev` is null exactly for the first entry of a stream. `landmark` is a piece of `bytes` that `heads` is to show
   * beside the stream's head, until a newer one comes: what a reader of heads needs besides them.
   */
  append(stream: string, prev: Token | null, bytes: string, room?: Room, landmark?: string): Promise<AppendResult>;
  /**
   * Entries of one stream from `fromVersion` (default 1) on, in order; ends at the present head. `limit`: no more than so
   * many are wanted, which lets the log fetch no more; it may still give more.
   */
  read(stream: string, fromVersion?: number, limit?: number): AsyncIterable<LogEntry>;
  /** The last entry of a stream, or null when there is none. */
  head(stream: string): Promise<LogEntry | null>;
  /** The last entry of every stream, in any order, and their landmarks if they are asked for. */
  heads(withLandmarks?: boolean): AsyncIterable<LogHead>;
  /** Tells readers with a position whether what they missed is still there, and whether the position is of this log. */
  extent(): Promise<LogExtent>;
  /**
   * Every entry after `after` (null: from the beginning), in the order of positions; ends at the present end. `limit` is
   * the same hint as for `read`.
   */
  readAll(after: Position | null, limit?: number): AsyncIterable<LogEntry>;
  /** Every entry that is there when it begins, the newest first. */
  readBackwards(): AsyncIterable<LogEntry>;
  /** Like `readAll`, then live until the signal fires: no gap, no repeat. */
  subscribe(after: Position | null, signal: AbortSignal): AsyncIterable<LogEntry>;
  /**
   * Removes what comes before `first` in its stream, so that the stream begins with it; resolves with how many entries
   * that were, once no reader and no later opening shows them any more. Appends go on meanwhile. An entry that is not
   * there (any more) removes nothing.
   */
  trim(first: Pick<LogEntry, 'stream' | 'version' | 'position'>): Promise<number>;
  usage(): Promise<LogUsage>;
  /** Waits for appends under way, then lets go of files and sockets. Idempotent. */
  close(): Promise<void>;
}
