import type { DatabaseSync } from 'node:sqlite';
import type { LogEntry, Token } from '../../actors/contracts/log.ts';
import type { Head, Heads } from './heads.ts';
import { type FlatEntries, positionOf } from './protocol.ts';

/** Entries in one page. */
const PAGE_ENTRIES = 5_000;
/** Characters of payload in one page; a page holds at least one entry all the same. */
const PAGE_CHARS = 4_194_304;

type EntryRow = readonly [seq: number, stream: number, version: number, prevHash: string, hash: string, bytes: string];

const COLUMNS = 'seq, stream, version, prev_hash, hash, bytes';

export interface EntryReader {
  /** The entry at this sequence, which must exist. */
  readonly at: (seq: number) => LogEntry;
  readonly rows: (seqs: Iterable<number>) => FlatEntries;
  readonly page: (after: number, upTo: number, most?: number) => FlatEntries;
  /** Last entries of the streams with ids above `after`; `next` is 0 when there are no more. */
  readonly heads: (after: number) => { readonly entries: FlatEntries; readonly next: number };
  readonly walk: (seq: number, count: number) => Float64Array<ArrayBuffer>;
}

/** Reads from the one connection there is. `heads` names the streams. */
export function createEntryReader(db: DatabaseSync, heads: Heads): EntryReader {
  const one = db.prepare(`SELECT ${COLUMNS} FROM entries WHERE seq = ?`);
  const after = db.prepare(`SELECT ${COLUMNS} FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?`);
  const back = db.prepare(`
    WITH RECURSIVE walk(seq, prev, nth) AS (
      SELECT seq, prev, 1 FROM entries WHERE seq = ?
      UNION ALL
      SELECT entries.seq, entries.prev, nth + 1 FROM walk JOIN entries ON entries.seq = walk.prev WHERE nth < ?
    ) SELECT seq FROM walk`);
  for (const statement of [one, after, back]) statement.setReturnArrays(true);
  const rowAt = (seq: number): EntryRow | undefined => one.get(seq) as unknown as EntryRow | undefined;
  /** Flattens rows until the page is full. */
  const flatten = (rows: Iterable<EntryRow>): FlatEntries => {
    const flat: FlatEntries = [];
    let count = 0;
    let chars = 0;
    for (const [seq, stream, version, prevHash, hash, bytes] of rows) {
      flat.push(heads.byId(stream)!.name, version, seq, bytes, prevHash, hash);
      chars += bytes.length;
      if (++count >= PAGE_ENTRIES || chars >= PAGE_CHARS) break;
    }
    return flat;
  };
  function* rowsAt(seqs: Iterable<number>): Generator<EntryRow> {
    for (const seq of seqs) {
      const row = rowAt(seq);
      if (row !== undefined) yield row;
    }
  }
  function* headSeqs(afterId: number): Generator<number> {
    for (let id = afterId + 1; id <= heads.count(); id++) yield (heads.byId(id) as Head).seq;
  }
  return {
    at: (seq) => {
      const [, stream, version, prev_hash, hash, bytes] = rowAt(seq)!;
      const position = positionOf(seq);
      return { stream: heads.byId(stream)!.name, version, position, token: position as Token, bytes, prev_hash, hash };
    },
    rows: (seqs) => flatten(rowsAt(seqs)),
    page: (from, upTo, most = PAGE_ENTRIES) => {
      const rows = after.iterate(from, upTo, Math.min(most, PAGE_ENTRIES));
      return flatten(rows as Iterable<unknown> as Iterable<EntryRow>);
    },
    heads: (afterId) => {
      const entries = flatten(rowsAt(headSeqs(afterId)));
      const lastName = entries.at(-6);
      const last = typeof lastName === 'string' ? (heads.get(lastName)?.id ?? 0) : 0;
      return { entries, next: last < heads.count() ? last : 0 };
    },
    walk: (seq, count) => Float64Array.from((back.all(seq, count) as unknown as [number][]).map(([at]) => at)),
  };
}
