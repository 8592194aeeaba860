import type { Clock } from '../../actors/contracts/clock.ts';
import type { Position } from '../../actors/contracts/log.ts';
import type { ReadableLog } from './readable-log.ts';
import { isOfType } from './record-filter.ts';
import { type FeedRecord, feedRecord } from './record-ring.ts';
import { createSharedTail } from './shared-tail.ts';

/**
 * The records of the whole log, in its order, for readers with a cursor: in pages, or followed live. A cursor is the
 * position of the last record a reader has seen, so it holds over reconnects and over restarts of the daemon, and no
 * record is skipped or brought twice.
 *
 * Readers pull: whoever is slow keeps one chunk in memory and nothing else, and delays nobody. Those nearly up to date
 * share what one subscription keeps; those further behind read the log, only a few at a time.
 */

/** Records a follower holds at one time. */
export const CHUNK_RECORDS = 256;
/** Records one page looks at while it searches for those that pass. */
export const FEED_SCAN_MAX = 5_000;
/** Reads of the log under way at one time for readers that are behind; the next ones wait. */
export const CATCH_UP_READS_MAX = 4;
/** How often a follower hears that it is still served while no record passes. */
export const ALIVE_EVERY_MS = 15_000;

/** The cursor of a reader who wants everything there is; also the answer while there is nothing. */
export const BEGINNING = 'beginning';
const CURSOR_PATTERN = /^\d+$/;
export type Cursor = Position | typeof BEGINNING;

export interface FeedFilter {
  /** Id of an instance. */
  readonly stream?: string;
  /** As in RecordFilter. */
  readonly type?: string;
}

export interface FeedPage {
  readonly records: readonly FeedRecord[];
  /** Where to go on. */
  readonly next: Cursor;
  /** Whether there is more after it right now. */
  readonly more: boolean;
}

/** `alive`: nothing passed for a while; the cursor has moved all the same. */
export type FeedItem =
  | { readonly kind: 'record'; readonly record: FeedRecord }
  | { readonly kind: 'alive'; readonly cursor: Cursor };

/** Why a cursor cannot be gone on from. */
export class CursorError extends Error {
  override readonly name = 'CursorError';
  readonly problem: 'malformed' | 'too_old' | 'too_new';
  /** The oldest cursor that can be gone on from, and the newest. */
  readonly oldest: Cursor;
  readonly newest: Cursor;

  constructor(problem: CursorError['problem'], oldest: Position | null, newest: Position | null) {
    super(`The cursor is ${problem.replace('_', ' ')}.`);
    this.problem = problem;
    this.oldest = oldest ?? BEGINNING;
    this.newest = newest ?? BEGINNING;
  }
}

export interface RecordFeed {
  /** Throws CursorError. */
  check(cursor: Cursor): Promise<void>;
  /** Throws CursorError. */
  page(after: Cursor, limit: number, filter: FeedFilter): Promise<FeedPage>;
  /** Where a reader begins who wants only what comes: the end of the log. */
  end(): Promise<Cursor>;
  /**
   * Every record after the cursor that passes, until the signal fires. Throws CursorError, also later when retention
   * overtakes a reader, and LogUnavailableError when the log ends.
   */
  follow(after: Cursor, filter: FeedFilter, signal: AbortSignal): AsyncGenerator<FeedItem, void>;
  readonly followers: () => number;
  /** Ends every follower. Idempotent. */
  close(): void;
}

export function createRecordFeed(log: ReadableLog, clock: Clock): RecordFeed {
  const tail = createSharedTail(log, clock, ALIVE_EVERY_MS);
  const turnstile = createTurnstile(CATCH_UP_READS_MAX);

  async function checkedCursor(after: Cursor): Promise<Position | null> {
    const { completeAfter, last } = await log.extent();
    if (after === BEGINNING) return completeAfter;
    if (!CURSOR_PATTERN.test(after)) throw new CursorError('malformed', completeAfter, last);
    // All positions of a log are of one length, and only among those of one length does the order of texts mean anything.
    if (last !== null && after.length !== last.length) throw new CursorError('malformed', completeAfter, last);
    if (last === null || after > last) throw new CursorError('too_new', completeAfter, last);
    if (completeAfter !== null && after < completeAfter) throw new CursorError('too_old', completeAfter, last);
    return after;
  }

  async function readAfter(after: Position | null): Promise<readonly FeedRecord[]> {
    const records = await turnstile.pass(async () => {
      const read: FeedRecord[] = [];
      for await (const entry of log.readAll(after, CHUNK_RECORDS)) {
        read.push(feedRecord(entry));
        if (read.length >= CHUNK_RECORDS) break;
      }
      return read;
    });
    // Asked after the read: what was removed meanwhile may be missing in it.
    const { completeAfter, last } = await log.extent();
    if (completeAfter !== null && (after ?? '') < completeAfter) throw new CursorError('too_old', completeAfter, last);
    return records;
  }

  return {
    check: async (cursor) => void (await checkedCursor(cursor)),
    followers: () => tail.followers(),
    end: async () => (await log.extent()).last ?? BEGINNING,
    close: () => tail.close(),
    async page(after, limit, filter) {
      const records: FeedRecord[] = [];
      let cursor = await checkedCursor(after);
      for (let looked = 0; looked < FEED_SCAN_MAX; ) {
        const chunk = await readAfter(cursor);
        if (chunk.length === 0) return { records, next: cursor ?? BEGINNING, more: false };
        for (const record of chunk) {
          if (records.length >= limit) return { records, next: cursor ?? BEGINNING, more: true };
          if (passes(record, filter)) records.push(record);
          cursor = record.position;
        }
        looked += chunk.length;
      }
      return { records, next: cursor ?? BEGINNING, more: true };
    },
    async *follow(after, filter, signal) {
      let cursor = await checkedCursor(after);
      const share = await tail.join();
      try {
        for (let told = clock.monotonic(); !signal.aborted; ) {
          const seen = share.mark();
          const chunk = share.after(cursor, CHUNK_RECORDS) ?? (await readAfter(cursor));
          for (const record of chunk) {
            if (signal.aborted) return;
            cursor = record.position;
            if (!passes(record, filter)) continue;
            yield { kind: 'record', record };
            told = clock.monotonic();
          }
          if (chunk.length === 0) await share.wait(seen, signal);
          if (signal.aborted || clock.monotonic() - told < ALIVE_EVERY_MS) continue;
          yield { kind: 'alive', cursor: cursor ?? BEGINNING };
          told = clock.monotonic();
        }
      } finally {
        share.leave();
      }
    },
  };
}

function passes({ stream, types }: FeedRecord, filter: FeedFilter): boolean {
  if (filter.stream !== undefined && stream !== filter.stream) return false;
  return filter.type === undefined || types.some((type) => isOfType(type, filter.type!));
}

/** Lets so many through at a time; the others wait for their turn. */
function createTurnstile(most: number): { pass<T>(act: () => Promise<T>): Promise<T> } {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return {
    async pass(act) {
      if (inside >= most) await new Promise<void>((resolve) => waiting.push(resolve));
      else inside += 1;
      try {
        return await act();
      } finally {
        const next = waiting.shift();
        if (next === undefined) inside -= 1;
        else next();
      }
    },
  };
}
