import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { LogOpenError } from '../actors/contracts/log-error.ts';
import { type DataDirectory, writePrivately } from './data-directory.ts';

/** SQLite's primary result code for: somebody else has the lock. */
const SQLITE_BUSY = 5;
const PRIMARY_CODE_MASK = 0xff;

/**
 * Takes the data directory for this process, whatever log it keeps: VMs, hooks, the private nats-server and the outbox
 * lie in it too. Node has no lock on files of its own, so an empty database is locked: that is the operating system's
 * lock, and it goes with the process, however that ends. Nothing is ever written, so it is also had on a full disk.
 * Answers how to let go of it. Throws LogOpenError `data_directory_in_use`.
 */
export function lockDirectory(directory: DataDirectory): () => void {
  const database = new DatabaseSync(directory.lockFile);
  try {
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw isBusy(error) ? inUse(directory) : error;
  }
  noteOwner(directory);
  return () => database.close();
}

function isBusy(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error)) return false;
  return (Number(error.errcode) & PRIMARY_CODE_MASK) === SQLITE_BUSY;
}

function inUse({ path, lockOwnerFile }: DataDirectory): LogOpenError {
  const pid = readOwner(lockOwnerFile);
  const owner = pid === null ? 'another process' : `process ${pid}`;
  return new LogOpenError('data_directory_in_use', path, `the data directory ${path} is in use by ${owner}`, pid);
}

function readOwner(file: string): number | null {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

/** For the message of whoever comes second. The lock does not depend on it, so a disk without room is no reason to stop. */
function noteOwner({ lockOwnerFile }: DataDirectory): void {
  try {
    writePrivately(lockOwnerFile, `${process.pid}\n`);
  } catch {
    // Then the second one says: another process.
  }
}
