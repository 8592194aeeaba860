import type { DatabaseSync } from 'node:sqlite';
import type { Heads } from './heads.ts';
import type { Request } from './protocol.ts';

/**
 * Removing the beginnings of streams, in two steps. A trim only moves the version a stream begins with, which is one
 * row and durable with its commit: from then on no reader sees what lies before. Sweeping gives the room back, some
 * entries at a time, in the order of the log, and goes on after a crash where it left off. A stream is never seen
 * with a hole in it, whenever the process ends.
 */

/** Rows looked at in one sweep: what an append behind it waits for stays at some milliseconds. */
export const SWEEP_ROWS = 256;

export interface Trimming {
  /** Inside a transaction. Returns what to call once that is committed, which answers how many entries are gone. */
  readonly trim: (request: Extract<Request, { kind: 'trim' }>) => () => number;
  /** Inside a transaction. Returns what to call once that is committed. */
  readonly sweep: () => () => void;
  /** Entries that were trimmed and still take up room. */
  readonly unswept: () => number;
  readonly completeAfter: () => number;
}

type SweepRow = readonly [seq: number, stream: number, version: number];

export function createTrimming(db: DatabaseSync, heads: Heads): Trimming {
  const entryAt = db.prepare('SELECT stream, version, prev FROM entries WHERE seq = ?');
  const setFirst = db.prepare(
    'UPDATE streams SET first = ?, first_version = ?, landmark = ?, seq = ?, version = ?, hash = ? WHERE id = ?',
  );
  const note = db.prepare('UPDATE meta SET unswept = ?, complete_after = ?');
  const next = db.prepare('SELECT seq, stream, version FROM entries WHERE seq > ? ORDER BY seq LIMIT ?');
  const remove = db.prepare('DELETE FROM entries WHERE seq = ?');
  const known = db.prepare('SELECT unswept, complete_after FROM meta');
  for (const statement of [entryAt, next, known]) statement.setReturnArrays(true);
  let [unswept, completeAfter] = known.get() as unknown as [number, number];
  /** The sweep has passed everything up to here. */
  let swept = 0;

  const trim: Trimming['trim'] = ({ stream, version, seq }) => {
    const head = heads.get(stream);
    const row = entryAt.get(seq) as unknown as [stream: number, version: number, prev: number] | undefined;
    const isThere = head !== undefined && row?.[0] === head.id && row[1] === version && version > head.firstVersion;
    if (!isThere) return () => 0;
    const gone = version - head.firstVersion;
    const upTo = Math.max(completeAfter, row[2]);
    const landmark = head.landmark !== null && head.landmark.seq >= seq ? head.landmark : null;
    const trimmed = { ...head, first: seq, firstVersion: version, landmark };
    // The head too: an opening must not meet entries after the one that is written down, and miss some of them.
    setFirst.run(seq, version, landmark?.seq ?? 0, head.seq, head.version, head.hash, head.id);
    note.run(unswept + gone, upTo);
    return () => {
      heads.commit([trimmed], heads.lastSeq());
      unswept += gone;
      completeAfter = upTo;
      // What was kept when the sweep passed it may be among what is gone now.
      swept = 0;
      return gone;
    };
  };

  const sweep: Trimming['sweep'] = () => {
    const rows = next.all(swept, SWEEP_ROWS) as unknown as SweepRow[];
    let removed = 0;
    for (const [seq, id, version] of rows) {
      if (version >= heads.byId(id)!.firstVersion) continue;
      remove.run(seq);
      removed += 1;
    }
    // At the end of the log nothing can be left, whatever was counted.
    const atEnd = rows.length < SWEEP_ROWS;
    const left = atEnd ? 0 : Math.max(0, unswept - removed);
    if (left !== unswept) note.run(left, completeAfter);
    return () => {
      unswept = left;
      swept = atEnd ? 0 : (rows.at(-1)?.[0] ?? 0);
    };
  };

  return { trim, sweep, unswept: () => unswept, completeAfter: () => completeAfter };
}
