import type { DatabaseSync } from 'node:sqlite';
import type { LogEntry, Token } from '../../actors/contracts/log.ts';
import type { Head, Heads } from './heads.ts';
import { type FlatEntries, type FlatHeads, positionOf } from './protocol.ts';

/** Entries in one page, and in one of those read backwards: beside a start, so that nothing waits long behind them. */
const PAGE_ENTRIES = 5_000;
const BACK_PAGE_ENTRIES = 500;
/** Characters of payload in one page; a page holds at least one entry all the same. */
const PAGE_CHARS = 4_194_304;
/** The same for heads: short, so that one page is parsed while the next is read. */
const HEADS_PAGE_CHARS = 1_048_576;

type EntryRow = readonly [seq: number, stream: number, version: number, prevHash: string, hash: string, bytes: string];

const COLUMNS = 'seq, stream, version, prev_hash, hash, bytes';

/** Some entries, and the sequence of the last row looked at; null when there was no further row. */
interface Page {
  readonly entries: FlatEntries;
  readonly last: number | null;
}

export interface EntryReader {
  /** The entry at this sequence, which must exist. */
  readonly at: (seq: number) => LogEntry;
  /** Entries that are there, of as many of these sequences as fit a page; `used` is how many that were. */
  readonly rows: (seqs: ArrayLike<number>) => { readonly entries: FlatEntries; readonly used: number };
  readonly page: (after: number, upTo: number, most?: number) => Page;
  readonly back: (before: number) => Page;
  /** Last entries of the streams with ids above `after`; `next` is 0 when there are no more. */
  readonly heads: (after: number, landmarks: boolean) => { readonly heads: FlatHeads; readonly next: number };
  readonly walk: (seq: number, count: number) => Float64Array<ArrayBuffer>;
}

/** Reads from the one connection there is. `heads` names the streams, and says which entries were trimmed. */
export function createEntryReader(db: DatabaseSync, heads: Heads): EntryReader {
  const one = db.prepare(`SELECT ${COLUMNS} FROM entries WHERE seq = ?`);
  const after = db.prepare(`SELECT ${COLUMNS} FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?`);
  const before = db.prepare(`SELECT ${COLUMNS} FROM entries WHERE seq < ? ORDER BY seq DESC LIMIT ?`);
  const back = db.prepare(`
    WITH RECURSIVE walk(seq, prev, nth) AS (
      SELECT seq, prev, 1 FROM entries WHERE seq = ?
      UNION ALL
      SELECT entries.seq, entries.prev, nth + 1 FROM walk JOIN entries ON entries.seq = walk.prev WHERE nth < ?
    ) SELECT seq FROM walk`);
  for (const statement of [one, after, before, back]) statement.setReturnArrays(true);
  const rowAt = (seq: number): EntryRow | undefined => one.get(seq) as unknown as EntryRow | undefined;
  /** Adds the entry unless it was trimmed; answers how many characters that were. */
  const add = (flat: FlatEntries, [seq, id, version, prevHash, hash, bytes]: EntryRow): number => {
    const head = heads.byId(id)!;
    if (version < head.firstVersion) return 0;
    flat.push(head.name, version, seq, bytes, prevHash, hash);
    return bytes.length;
  };
  const fill = (rows: Iterable<unknown>): Page => {
    const entries: FlatEntries = [];
    let last: number | null = null;
    let chars = 0;
    for (const row of rows as Iterable<EntryRow>) {
      chars += add(entries, row);
      last = row[0];
      if (chars >= PAGE_CHARS) break;
    }
    return { entries, last };
  };
  const addHead = (flat: FlatHeads, { name, seq, landmark }: Head, landmarks: boolean): number => {
    const [, , version, prevHash, hash, bytes] = rowAt(seq)!;
    const place = landmarks && landmark?.seq !== seq ? landmark : null;
    const marked = place === null ? undefined : rowAt(place.seq);
    const text = place === null ? '' : (marked?.[5].substr(place.begin, place.length) ?? '');
    flat.push(name, version, seq, bytes, prevHash, hash, marked?.[2] ?? 0, text);
    return bytes.length + text.length;
  };
  return {
    at: (seq) => {
      const [, stream, version, prev_hash, hash, bytes] = rowAt(seq)!;
      const position = positionOf(seq);
      return { stream: heads.byId(stream)!.name, version, position, token: position as Token, bytes, prev_hash, hash };
    },
    rows: (seqs) => {
      const entries: FlatEntries = [];
      let used = 0;
      for (let chars = 0; used < seqs.length && used < PAGE_ENTRIES && chars < PAGE_CHARS; used++) {
        const row = rowAt(seqs[used]!);
        if (row !== undefined) chars += add(entries, row);
      }
      return { entries, used };
    },
    page: (from, upTo, most = PAGE_ENTRIES) => fill(after.iterate(from, upTo, Math.min(most, PAGE_ENTRIES))),
    back: (from) => fill(before.iterate(from, BACK_PAGE_ENTRIES)),
    heads: (afterId, landmarks) => {
      const flat: FlatHeads = [];
      let id = afterId + 1;
      for (let chars = 0; id <= heads.count() && chars < HEADS_PAGE_CHARS; id++) {
        chars += addHead(flat, heads.byId(id)!, landmarks);
      }
      return { heads: flat, next: id <= heads.count() ? id - 1 : 0 };
    },
    walk: (seq, count) => Float64Array.from((back.all(seq, count) as unknown as [number][]).map(([at]) => at)),
  };
}
