import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LogOpenError } from '../../actors/contracts/log-error.ts';
import { messageOf, SQLITE_BUSY, SQLITE_CORRUPT, SQLITE_NOTADB, sqliteCode } from './sqlite-error.ts';

/** 'SVLG': marks a database file as a log of this project. */
const APPLICATION_ID = 0x53564c47;
/** Raised with every change of the tables that an older release could not live with. */
export const SCHEMA_VERSION = 2;

export const DATABASE_FILE = 'log.sqlite';
/** Says who holds the lock. Only a hint for messages: the lock itself is the one on the database file. */
const OWNER_FILE = 'log.owner';

/**
 * One table of entries without any further index: an index on (stream, version) costs four times the throughput.
 * A stream is walked back by `prev`. `streams` holds heads as of `heads_upto` or later; those after it are found by
 * reading the entries from there on. Its `first`, `first_version` and landmark (0: none) are always up to date: they
 * change in the transaction that moves them. Entries of a stream before its `first_version` are gone for readers;
 * `unswept` of them still take up room. All that was ever trimmed lies up to `complete_after`. Long columns come last,
 * so that the short ones are read without them.
 */
const SCHEMA = `
  CREATE TABLE entries (
    seq INTEGER PRIMARY KEY, stream INTEGER NOT NULL, version INTEGER NOT NULL, prev INTEGER NOT NULL,
    prev_hash TEXT NOT NULL, hash TEXT NOT NULL, bytes TEXT NOT NULL
  ) STRICT;
  CREATE TABLE streams (
    id INTEGER PRIMARY KEY, first INTEGER NOT NULL, seq INTEGER NOT NULL, version INTEGER NOT NULL,
    hash TEXT NOT NULL, name TEXT NOT NULL,
    first_version INTEGER NOT NULL DEFAULT 1, landmark INTEGER NOT NULL DEFAULT 0,
    landmark_begin INTEGER NOT NULL DEFAULT 0, landmark_length INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE meta (
    heads_upto INTEGER NOT NULL, settlements INTEGER NOT NULL,
    unswept INTEGER NOT NULL DEFAULT 0, complete_after INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  INSERT INTO meta (heads_upto, settlements) VALUES (0, 0);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** From format 1, which knew neither trimming nor landmarks. */
const UPGRADE_FROM_1 = `
  ALTER TABLE streams ADD COLUMN first_version INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE streams ADD COLUMN landmark INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE streams ADD COLUMN landmark_begin INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE streams ADD COLUMN landmark_length INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE meta ADD COLUMN unswept INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE meta ADD COLUMN complete_after INTEGER NOT NULL DEFAULT 0;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/**
 * Records are one to a few kilobytes: twice SQLite's usual page wastes less of it on them, which is worth 1.3 to 1.5
 * times the throughput of large batches and costs a lone append nothing that can be measured.
 */
export const PAGE_BYTES = 8_192;
/** Cached pages, in KiB as SQLite wants it: negative. */
const CACHE_SIZE_KIB = -32_768;

function numberOf(db: DatabaseSync, sql: string): number {
  const value = Object.values(db.prepare(sql).get() ?? {})[0];
  return typeof value === 'number' ? value : 0;
}

function syncDirectory(directory: string): void {
  const file = openSync(directory, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function readOwner(directory: string): number | null {
  try {
    const pid = Number(readFileSync(join(directory, OWNER_FILE), 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

function writeOwner(directory: string): void {
  const path = join(directory, OWNER_FILE);
  try {
    writeFileSync(`${path}.new`, String(process.pid));
    renameSync(`${path}.new`, path);
  } catch {
    // A disk without room for one line must not keep the log from opening; the lock does not depend on this file.
  }
}

function openError(directory: string, error: unknown): LogOpenError {
  if (error instanceof LogOpenError) return error;
  switch (sqliteCode(error)) {
    case SQLITE_BUSY: {
      const pid = readOwner(directory);
      const owner = pid === null ? 'another process' : `process ${pid}`;
      const message = `the data directory ${directory} is in use by ${owner}`;
      return new LogOpenError('data_directory_in_use', directory, message, pid);
    }
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT: {
      const message = `the log in ${directory} cannot be read: ${messageOf(error)}`;
      return new LogOpenError('log_unreadable', directory, message);
    }
    default: {
      const message = `the log in ${directory} cannot be written: ${messageOf(error)}`;
      return new LogOpenError('log_unwritable', directory, message);
    }
  }
}

/** What the file is; refuses one that is not a log, or that a newer release wrote. */
function checkIdentity(db: DatabaseSync, directory: string): 'ours' | 'older' | 'empty' {
  const applicationId = numberOf(db, 'PRAGMA application_id');
  const version = numberOf(db, 'PRAGMA user_version');
  if (applicationId === APPLICATION_ID) {
    if (version < SCHEMA_VERSION) return 'older';
    if (version === SCHEMA_VERSION) return 'ours';
    const message = `the log in ${directory} has format ${version}; this release knows formats up to ${SCHEMA_VERSION}`;
    throw new LogOpenError('log_from_newer_version', directory, message);
  }
  if (applicationId === 0 && version === 0 && numberOf(db, 'SELECT count(*) FROM sqlite_master') === 0) return 'empty';
  throw new LogOpenError('log_unreadable', directory, `${join(directory, DATABASE_FILE)} is not a log of statevisor`);
}

function prepareDatabase(db: DatabaseSync, directory: string): void {
  // Before the first access: then the file is locked for good, and the index of the write-ahead log lives in memory
  // rather than in a mapped file, which a full disk would turn into a SIGBUS.
  db.exec('PRAGMA locking_mode = EXCLUSIVE');
  const identity = checkIdentity(db, directory);
  if (identity === 'empty') db.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
  const mode = Object.values(db.prepare('PRAGMA journal_mode = WAL').get() ?? {})[0];
  if (mode !== 'wal') {
    throw new LogOpenError('log_unwritable', directory, `the log in ${directory} cannot have a write-ahead log`);
  }
  // The writer checkpoints by itself, after it has answered, and needs to learn when that fails.
  db.exec(`PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = ${CACHE_SIZE_KIB}`);
  if (identity === 'ours') return;
  db.exec(`BEGIN IMMEDIATE; ${identity === 'older' ? UPGRADE_FROM_1 : SCHEMA} COMMIT`);
  if (identity === 'older') return;
  syncDirectory(directory);
  syncDirectory(dirname(directory));
}

/**
 * Opens and locks the database of a log. The lock is the operating system's on the file: it goes with the process,
 * however that ends. Throws LogOpenError.
 */
export function openDatabase(directory: string): DatabaseSync {
  let db: DatabaseSync | null = null;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    db = new DatabaseSync(join(directory, DATABASE_FILE));
    prepareDatabase(db, directory);
    writeOwner(directory);
    return db;
  } catch (error) {
    const refusal = openError(directory, error);
    db?.close();
    throw refusal;
  }
}
