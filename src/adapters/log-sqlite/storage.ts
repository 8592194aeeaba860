import { statfsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { AppendResult } from '../../actors/contracts/log.ts';
import { LogOpenError } from '../../actors/contracts/log-error.ts';
import { type Ballast, createBallast, OPENING_FREE_BYTES, RESUME_FREE_BYTES } from './ballast.ts';
import { type BatchAnswers, createBatchWriter, emptyAnswers, replyOf } from './batch.ts';
import { openDatabase } from './database.ts';
import { createEntryReader, type EntryReader } from './entries.ts';
import { watchPlace } from './file-place.ts';
import { type Heads, loadHeads } from './heads.ts';
import {
  type FlatAppends,
  ITEMS_PER_APPEND,
  type Opening,
  type Reply,
  type Request,
  type StorageOptions,
  type StorageUsage,
} from './protocol.ts';
import { answerRead } from './reading.ts';
import { messageOf, SQLITE_FULL, sqliteCode } from './sqlite-error.ts';
import { createTrimming, type Trimming } from './trimming.ts';
import { createWal, type Wal } from './wal.ts';

/**
 * The log's storage: one connection, one request at a time. Runs in the worker thread or on the main one.
 * - A transaction that met a full disk is surely not written. After any other failure that is open: what was left in
 *   the write-ahead log might be taken up by a later recovery. Such a log is `unsettled` until another commit has
 *   overwritten it, and answers nothing before.
 * - While the disk is full the ballast is gone and only reserved appends are tried.
 */
export interface Storage {
  readonly opening: Opening & { readonly kind: 'opened' };
  readonly handle: (request: Request) => Reply;
  /** What can wait until the answer is out: checkpoints. */
  readonly afterwards: () => void;
}

/** Everything `append` works on. */
interface Parts {
  readonly db: DatabaseSync;
  readonly heads: Heads;
  readonly ballast: Ballast;
  readonly wal: Wal;
  readonly write: ReturnType<typeof createBatchWriter>['write'];
  readonly trimming: Trimming;
  readonly inPlace: () => boolean;
  readonly directory: string;
  full: boolean;
  settled: boolean;
}

type Outcome = 'written' | 'full' | 'unknown' | 'unavailable';

const MESSAGES: Readonly<Record<Exclude<Outcome, 'written'> | 'misplaced', string>> = {
  misplaced: "the log's files are no longer where they were opened",
  full: 'the disk that holds the log is full',
  unknown: 'the disk that holds the log failed in the midst of writing',
  unavailable: 'the disk that holds the log does not take writes',
};

function rollBack(db: DatabaseSync): void {
  if (!db.isTransaction) return;
  try {
    db.exec('ROLLBACK');
  } catch {
    // Nothing more can be done here; the next transaction will fail to begin and say so.
  }
}

/** Commits something harmless, which overwrites whatever a failed commit may have left. */
function settle(parts: Parts): boolean {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      rollBack(parts.db);
      parts.db.exec('UPDATE meta SET settlements = settlements + 1');
      parts.settled = true;
      return true;
    } catch {
      parts.full = true;
      parts.ballast.release();
    }
  }
  return false;
}

/** Runs what writes in a transaction of its own, and learns what became of that. */
function tryCommit(parts: Parts, work: () => void): Outcome {
  try {
    work();
    return 'written';
  } catch (error) {
    rollBack(parts.db);
    if (sqliteCode(error) === SQLITE_FULL) return 'full';
    parts.settled = false;
    return settle(parts) ? 'unavailable' : 'unknown';
  }
}

function tryWrite(parts: Parts, appends: FlatAppends, indexes: readonly number[], answers: BatchAnswers): Outcome {
  return indexes.length === 0 ? 'written' : tryCommit(parts, () => parts.write(appends, indexes, answers));
}

function refuse(answers: BatchAnswers, indexes: readonly number[], outcome: keyof typeof MESSAGES): void {
  const message = MESSAGES[outcome];
  const reason = outcome === 'full' ? 'full' : 'unavailable';
  const answer: AppendResult =
    outcome === 'unknown' ? { kind: 'unknown', message } : { kind: 'refused', reason, message };
  for (const index of indexes) answers.others.set(index, answer);
}

/** Gives up the ballast and makes what room there is usable. */
function enterFull(parts: Parts): void {
  parts.full = true;
  parts.ballast.release();
  parts.wal.shrink();
}

function append(parts: Parts, appends: FlatAppends): BatchAnswers {
  const answers = emptyAnswers(appends);
  const all = Array.from(answers.seqs.keys());
  if (!parts.inPlace() || (!parts.settled && !settle(parts))) {
    refuse(answers, all, parts.inPlace() ? 'unavailable' : 'misplaced');
    return answers;
  }
  const isReserved = (index: number): boolean => appends[index * ITEMS_PER_APPEND + 3] === 'reserved';
  const reserved = (): number[] => all.filter(isReserved);
  const ordinary = (): number[] => all.filter((index) => !isReserved(index));
  if (!parts.full) {
    const outcome = tryWrite(parts, appends, all, answers);
    if (outcome === 'written') return answers;
    if (outcome === 'unknown') {
      refuse(answers, all, outcome);
      return answers;
    }
    // After another failure than a full disk something could be committed since: what may not be lost is tried again.
    if (outcome === 'full') enterFull(parts);
    refuse(answers, ordinary(), outcome);
  } else {
    refuse(answers, ordinary(), 'full');
  }
  const outcome = tryWrite(parts, appends, reserved(), answers);
  if (outcome !== 'written') refuse(answers, reserved(), outcome);
  return answers;
}

function restore(parts: Parts): boolean {
  if (!parts.settled && !settle(parts)) return true;
  if (parts.full) parts.full = !parts.wal.shrink() || !parts.ballast.make(RESUME_FREE_BYTES);
  return parts.full;
}

function close(parts: Parts): void {
  try {
    if (parts.settled && !parts.full) {
      parts.db.exec('BEGIN IMMEDIATE');
      parts.heads.writeAll();
      parts.db.exec('COMMIT');
    }
  } catch {
    // Heads are only a shortcut: without them the next opening reads the entries made since.
    rollBack(parts.db);
  }
  parts.db.close();
}

/** Removes what may go, unless the disk has other worries: nothing is lost by doing it later. */
function remove<T>(parts: Parts, work: () => () => T): T | null {
  if (parts.full || !parts.inPlace() || (!parts.settled && !settle(parts))) return null;
  let committed: (() => T) | null = null;
  const outcome = tryCommit(parts, () => {
    parts.db.exec('BEGIN IMMEDIATE');
    committed = work();
    parts.db.exec('COMMIT');
  });
  if (outcome === 'full') enterFull(parts);
  return outcome === 'written' && committed !== null ? (committed as () => T)() : null;
}

function failed(parts: Parts): Reply {
  return { kind: 'failed', message: MESSAGES[parts.full ? 'full' : parts.inPlace() ? 'unavailable' : 'misplaced'] };
}

function trim(parts: Parts, request: Extract<Request, { kind: 'trim' }>): Reply {
  const removed = remove(parts, () => parts.trimming.trim(request));
  if (removed === null) return failed(parts);
  return { kind: 'trimmed', removed, completeAfter: parts.trimming.completeAfter() };
}

function sweep(parts: Parts): Reply {
  if (parts.trimming.unswept() > 0 && remove(parts, () => parts.trimming.sweep()) === null) return failed(parts);
  return { kind: 'swept', left: parts.trimming.unswept() };
}

function usage({ db, heads, directory }: Parts): StorageUsage {
  const pages = (pragma: string): number => Number(Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0] ?? 0);
  const pageBytes = pages('page_size');
  const { bavail, blocks, bsize } = statfsSync(directory);
  return {
    entries: heads.entries(),
    bytes: pages('page_count') * pageBytes,
    reusable_bytes: pages('freelist_count') * pageBytes,
    disk: { free_bytes: bavail * bsize, total_bytes: blocks * bsize },
  };
}

function handle(parts: Parts, reader: EntryReader, request: Request): Reply {
  switch (request.kind) {
    case 'append':
      return replyOf(append(parts, request.appends), parts.full);
    case 'restore':
      return { kind: 'room', full: restore(parts) };
    case 'trim':
      return trim(parts, request);
    case 'sweep':
      return sweep(parts);
    case 'usage':
      return { kind: 'usage', usage: usage(parts) };
    case 'close':
      close(parts);
      return { kind: 'closed' };
    case 'head':
    case 'near':
    case 'walk':
    case 'rows':
    case 'page':
    case 'back':
    case 'heads':
      if (!parts.settled && !settle(parts)) return { kind: 'failed', message: MESSAGES.unavailable };
      return answerRead(parts.heads, reader, request);
  }
}

/** Opens the storage. Throws LogOpenError. */
export function openStorage({ directory, ballastBytes }: StorageOptions): Storage {
  const db = openDatabase(directory);
  try {
    const heads = loadHeads(db, directory);
    const reader = createEntryReader(db, heads);
    const { write } = createBatchWriter(db, heads, reader);
    const ballast = createBallast(directory, ballastBytes);
    const trimming = createTrimming(db, heads);
    const parts: Parts = {
      db,
      heads,
      ballast,
      wal: createWal(db),
      write,
      trimming,
      inPlace: watchPlace(directory),
      directory,
      full: !ballast.make(OPENING_FREE_BYTES),
      settled: true,
    };
    if (parts.full) ballast.release();
    return {
      opening: {
        kind: 'opened',
        lastSeq: heads.lastSeq(),
        streams: heads.count(),
        full: parts.full,
        unswept: trimming.unswept(),
        completeAfter: trimming.completeAfter(),
      },
      handle: (request) => {
        try {
          return handle(parts, reader, request);
        } catch (error) {
          return { kind: 'failed', message: messageOf(error) };
        }
      },
      afterwards: () => {
        if (!parts.wal.keepShort(parts.full)) enterFull(parts);
      },
    };
  } catch (error) {
    db.close();
    if (error instanceof LogOpenError) throw error;
    throw new LogOpenError('log_unreadable', directory, `the log in ${directory} cannot be read: ${messageOf(error)}`);
  }
}

/** Like `openStorage`, as an answer that can be sent to another thread. */
export function tryOpenStorage(options: StorageOptions): Storage | (Opening & { readonly kind: 'not_opened' }) {
  try {
    return openStorage(options);
  } catch (error) {
    if (!(error instanceof LogOpenError)) throw error;
    return { kind: 'not_opened', code: error.code, message: error.message, ownerPid: error.ownerPid };
  }
}
