import type { DatabaseSync } from 'node:sqlite';
import { LogOpenError } from '../../actors/contracts/log-error.ts';

/** The last entry of a stream, without its bytes. */
export interface Head {
  readonly id: number;
  readonly name: string;
  /** Sequence and version of the first entry that was not trimmed. */
  readonly first: number;
  readonly firstVersion: number;
  readonly seq: number;
  readonly version: number;
  readonly hash: string;
  readonly landmark: Landmark | null;
}

/** A piece of an entry's text, named by where it stands: there is no second copy of it that could disagree. */
export interface Landmark {
  readonly seq: number;
  /** In UTF-16 units, as JavaScript counts. */
  readonly begin: number;
  readonly length: number;
}

/** Entries after which heads are written down again: bounds what an opening after a crash has to read. */
const HEADS_EVERY_ENTRIES = 32_768;
/** Heads written along with one batch, so that no batch waits long for them. */
const HEADS_PER_BATCH = 512;

/** Every stream's head in memory, and the bookkeeping that finds them again without reading the whole log. */
export interface Heads {
  readonly get: (stream: string) => Head | undefined;
  readonly byId: (id: number) => Head | undefined;
  /** Streams have the ids 1 to count. */
  readonly count: () => number;
  readonly lastSeq: () => number;
  /** Entries that were not trimmed. */
  readonly entries: () => number;
  /** Takes over what was committed. */
  readonly commit: (heads: Iterable<Head>, lastSeq: number) => void;
  /** Inside a transaction: writes down some heads, if it is time to. Returns what to call once that is committed. */
  readonly writeSome: () => () => void;
  /** Inside a transaction: writes down all that changed. */
  readonly writeAll: () => void;
}

type StreamRow = readonly [
  id: number,
  first: number,
  firstVersion: number,
  seq: number,
  version: number,
  hash: string,
  landmark: number,
  landmarkBegin: number,
  landmarkLength: number,
  name: string,
];
type TailRow = readonly [seq: number, stream: number, version: number, hash: string];

interface Loaded {
  readonly byName: Map<string, Head>;
  /** Index 0 stays unused. */
  readonly byId: (Head | undefined)[];
  readonly dirty: Set<number>;
  upTo: number;
  lastSeq: number;
}

function rowsOf<T>(db: DatabaseSync, sql: string, ...parameters: number[]): Iterable<T> {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return statement.iterate(...parameters) as Iterable<unknown> as Iterable<T>;
}

/** Heads as written down, then brought up to date from the entries made since. */
function load(db: DatabaseSync, directory: string): Loaded {
  const [[upTo] = [0]] = [...rowsOf<[number]>(db, 'SELECT heads_upto FROM meta')];
  const loaded: Loaded = { byName: new Map(), byId: [undefined], dirty: new Set(), upTo, lastSeq: upTo };
  for (const [id, first, firstVersion, seq, version, hash, marked, begin, length, name] of rowsOf<StreamRow>(
    db,
    `SELECT id, first, first_version, seq, version, hash, landmark, landmark_begin, landmark_length, name
      FROM streams ORDER BY id`,
  )) {
    const landmark = marked === 0 ? null : { seq: marked, begin, length };
    loaded.byId[id] = { id, name, first, firstVersion, seq, version, hash, landmark };
  }
  const tail = 'SELECT seq, stream, version, hash FROM entries WHERE seq > ? ORDER BY seq';
  for (const [seq, id, version, hash] of rowsOf<TailRow>(db, tail, upTo)) {
    const before = loaded.byId[id];
    if (before === undefined || (seq > before.seq && version !== before.version + 1)) {
      const message = `the log in ${directory} is damaged: entry ${seq} does not follow its stream`;
      throw new LogOpenError('log_unreadable', directory, message);
    }
    loaded.lastSeq = seq;
    loaded.dirty.add(id);
    if (seq > before.seq) loaded.byId[id] = { ...before, seq, version, hash };
  }
  for (const head of loaded.byId) if (head !== undefined) loaded.byName.set(head.name, head);
  return loaded;
}

function entriesOf(head: Head | undefined): number {
  return head === undefined ? 0 : head.version - head.firstVersion + 1;
}

/** Heads still to be written in the present round, and the sequence they will be complete up to. */
interface Round {
  readonly ids: number[];
  readonly upTo: number;
}

/** Loads every head. Throws LogOpenError when streams and entries do not fit together. */
export function loadHeads(db: DatabaseSync, directory: string): Heads {
  const { byName, byId, dirty, ...loaded } = load(db, directory);
  let { upTo, lastSeq } = loaded;
  let round: Round | null = null;
  let entries = byId.reduce((sum, head) => sum + entriesOf(head), 0);
  const update = db.prepare('UPDATE streams SET seq = ?, version = ?, hash = ? WHERE id = ?');
  const finish = db.prepare('UPDATE meta SET heads_upto = ?');
  const write = (ids: Iterable<number>): void => {
    for (const id of ids) {
      const head = byId[id]!;
      update.run(head.seq, head.version, head.hash, id);
    }
  };
  return {
    get: (stream) => byName.get(stream),
    byId: (id) => byId[id],
    count: () => byId.length - 1,
    lastSeq: () => lastSeq,
    entries: () => entries,
    commit: (heads, seq) => {
      for (const head of heads) {
        entries += entriesOf(head) - entriesOf(byId[head.id]);
        byName.set(head.name, head);
        byId[head.id] = head;
        dirty.add(head.id);
      }
      lastSeq = seq;
    },
    writeSome: () => {
      if (round === null) {
        if (lastSeq - upTo < HEADS_EVERY_ENTRIES) return () => undefined;
        round = { ids: [...dirty], upTo: lastSeq };
        dirty.clear();
      }
      const { ids, upTo: end } = round;
      const some = ids.slice(-HEADS_PER_BATCH);
      write(some);
      const last = some.length === ids.length;
      if (last) finish.run(end);
      return () => {
        ids.length -= some.length;
        if (!last) return;
        round = null;
        upTo = end;
      };
    },
    writeAll: () => {
      write(new Set([...(round?.ids ?? []), ...dirty]));
      finish.run(lastSeq);
    },
  };
}
