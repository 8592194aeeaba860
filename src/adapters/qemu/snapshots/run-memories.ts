import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { MEMORY_FILE } from '../command-line.ts';
import { isThere } from './files.ts';

/**
 * The memory of runs on its way to the disk. The kernel tells of pages that it could not write once, to whoever syncs next, and
 * takes them for written from then on: a later sync succeeds, and what was lost may be read back as it was before. So a run
 * whose memory could not be synced is marked for the rest of its life, and is saved no more. The mark is made in the tick in
 * which the error is heard. It needs no sync of its own: a host that goes down takes the run with it.
 */

/** In the directory of the run. */
const MARK = 'memory-not-written';

/** The disk did not take all of the memory of a run. */
export class MemoryNotWritten extends Error {
  override readonly name = 'MemoryNotWritten';
  readonly code = 'memory_not_written';

  constructor(cause?: unknown) {
    const why = cause instanceof Error ? ` (${cause.message})` : '';
    super(
      `the disk did not take all of the guest's memory${why}, and tells only once what it lost: restart the guest to save it again`,
      { cause },
    );
  }
}

export interface RunMemories {
  /** Syncs the memory of a run, after whoever syncs it already. Rejects with MemoryNotWritten when the disk does not take it. */
  sync(directory: string): Promise<void>;
  /** Whether it was not written once. */
  isNotWritten(directory: string): boolean;
}

interface Syncing {
  readonly now: Promise<void>;
  /** What begins once that has ended well. */
  next: Promise<void> | null;
}

export function createRunMemories(): RunMemories {
  /**
   * A hanging disk is waited for by one at a time: each takes a thread that everything else needs too. One more waits behind
   * it for everybody who asks meanwhile, as it begins after all of them.
   */
  const pending = new Map<string, Syncing>();
  /** Those whose mark could not be written; they are known as long as this process lives. */
  const unmarked = new Set<string>();

  const mark = (directory: string, error: unknown): void => {
    try {
      writeFileSync(join(directory, MARK), `${error}\n`, { mode: 0o600 });
    } catch {
      unmarked.add(directory);
    }
  };
  const syncNow = async (directory: string): Promise<void> => {
    const file = await open(join(directory, MEMORY_FILE), 'r');
    try {
      await file.sync();
    } catch (error) {
      mark(directory, error);
      throw new MemoryNotWritten(error);
    } finally {
      await file.close();
    }
  };
  const begin = (directory: string): Promise<void> => {
    const syncing: Syncing = { now: syncNow(directory), next: null };
    pending.set(directory, syncing);
    const forget = (): void => void pending.delete(directory);
    syncing.now.then(() => syncing.next ?? forget(), forget).catch(() => undefined);
    return syncing.now;
  };
  const wait = (syncing: Syncing, directory: string): Promise<void> => {
    const next = syncing.now.then(() => begin(directory));
    // Nobody may be waiting for it by then, and it counts all the same.
    next.catch(() => undefined);
    return next;
  };
  return {
    sync: (directory) => {
      const syncing = pending.get(directory);
      if (syncing === undefined) return begin(directory);
      syncing.next ??= wait(syncing, directory);
      return syncing.next;
    },
    isNotWritten: (directory) => unmarked.has(directory) || isThere(join(directory, MARK)),
  };
}
