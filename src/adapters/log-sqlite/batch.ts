import type { DatabaseSync } from 'node:sqlite';
import { chainHash } from '../../actors/contracts/chain.ts';
import type { AppendResult } from '../../actors/contracts/log.ts';
import type { EntryReader } from './entries.ts';
import type { Head, Heads, Landmark } from './heads.ts';
import { type AppendReply, type FlatAppends, ITEMS_PER_APPEND, positionOf } from './protocol.ts';
import { messageOf } from './sqlite-error.ts';

/** Answers to one batch, by index of the append. Filled as the batch is worked off. */
export interface BatchAnswers {
  readonly seqs: Float64Array<ArrayBuffer>;
  readonly versions: Float64Array<ArrayBuffer>;
  readonly others: Map<number, AppendResult>;
}

export function emptyAnswers(appends: FlatAppends): BatchAnswers {
  const count = appends.length / ITEMS_PER_APPEND;
  return { seqs: new Float64Array(count), versions: new Float64Array(count), others: new Map() };
}

export function replyOf(answers: BatchAnswers, full: boolean): AppendReply {
  return {
    kind: 'appends',
    seqs: answers.seqs,
    versions: answers.versions,
    others: [...answers.others],
    full,
  };
}

export interface BatchWriter {
  /**
   * Appends those of the batch that `indexes` names in one transaction, synced once. Throws what SQLite throws; then
   * neither answers nor heads have changed, and the caller has to learn what became of the transaction.
   */
  readonly write: (appends: FlatAppends, indexes: readonly number[], answers: BatchAnswers) => void;
}

/** What one transaction is going to change, kept apart until it is committed. */
interface Pending {
  readonly heads: Map<string, Head>;
  readonly appended: [index: number, seq: number, version: number][];
  readonly conflicts: [index: number, headSeq: number][];
  lastSeq: number;
  streams: number;
}

/** Read after the commit: that the head cannot be read must not make what was committed look failed. */
function conflictWith(reader: EntryReader, seq: number): AppendResult {
  try {
    return { kind: 'conflict', head: seq === 0 ? null : reader.at(seq) };
  } catch (error) {
    return { kind: 'unknown', message: messageOf(error) };
  }
}

/** Null also for a text that is no piece of the entry: there is nothing to show then. */
function landmarkOf(seq: number, bytes: string, text: string | null): Landmark | null {
  const begin = text === null ? -1 : bytes.lastIndexOf(text);
  return text === null || begin < 0 ? null : { seq, begin, length: text.length };
}

export function createBatchWriter(db: DatabaseSync, heads: Heads, reader: EntryReader): BatchWriter {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const insertEntry = db.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)');
  const insertStream = db.prepare(
    `INSERT INTO streams (id, first, seq, version, hash, name, landmark, landmark_begin, landmark_length)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );

  const setLandmark = db.prepare(
    'UPDATE streams SET landmark = ?, landmark_begin = ?, landmark_length = ? WHERE id = ?',
  );

  const append = (appends: FlatAppends, index: number, pending: Pending): void => {
    const at = index * ITEMS_PER_APPEND;
    const name = appends[at] as string;
    const prev = appends[at + 1]!;
    const bytes = appends[at + 2] as string;
    const head = pending.heads.get(name) ?? heads.get(name);
    if ((head === undefined ? null : positionOf(head.seq)) !== prev) {
      pending.conflicts.push([index, head?.seq ?? 0]);
      return;
    }
    const seq = pending.lastSeq + 1;
    const version = (head?.version ?? 0) + 1;
    const prevHash = head?.hash ?? '';
    const hash = chainHash(prevHash, bytes);
    const id = head?.id ?? pending.streams + 1;
    const marked = landmarkOf(seq, bytes, appends[at + 4]!);
    const landmark = marked ?? head?.landmark ?? null;
    const place = [marked?.seq ?? 0, marked?.begin ?? 0, marked?.length ?? 0] as const;
    if (head === undefined) insertStream.run(id, seq, seq, version, hash, name, ...place);
    else if (marked !== null) setLandmark.run(...place, id);
    insertEntry.run(seq, id, version, head?.seq ?? 0, prevHash, hash, bytes);
    pending.lastSeq = seq;
    pending.streams = Math.max(pending.streams, id);
    const { first, firstVersion } = head ?? { first: seq, firstVersion: version };
    pending.heads.set(name, { id, name, first, firstVersion, seq, version, hash, landmark });
    pending.appended.push([index, seq, version]);
  };

  return {
    write: (appends, indexes, answers) => {
      const pending: Pending = {
        heads: new Map(),
        appended: [],
        conflicts: [],
        lastSeq: heads.lastSeq(),
        streams: heads.count(),
      };
      begin.run();
      for (const index of indexes) append(appends, index, pending);
      const headsWritten = heads.writeSome();
      commit.run();
      headsWritten();
      heads.commit(pending.heads.values(), pending.lastSeq);
      for (const [index, seq, version] of pending.appended) {
        answers.seqs[index] = seq;
        answers.versions[index] = version;
      }
      for (const [index, seq] of pending.conflicts) {
        answers.others.set(index, conflictWith(reader, seq));
      }
    },
  };
}
