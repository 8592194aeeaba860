import type { DatabaseSync } from 'node:sqlite';
import { PAGE_BYTES } from './database.ts';

/**
 * Bytes the write-ahead log may reach before it is copied into the database and begun anew. Copying needs up to as much
 * room in the database file again, which on a full disk only the ballast gives: this must stay well below it.
 */
const WAL_BYTES_MAX = 2_097_152;
const WAL_PAGES_MAX = WAL_BYTES_MAX / PAGE_BYTES;
/** The same while the disk is full, when every page of room counts. */
const WAL_PAGES_WHEN_FULL = 1;

export interface Wal {
  /** Checkpoints when the write-ahead log has become long. False: there was no room for it. */
  readonly keepShort: (full: boolean) => boolean;
  /** Checkpoints now, whatever the length. False: there was no room, or nothing could be written. */
  readonly shrink: () => boolean;
}

export function createWal(db: DatabaseSync): Wal {
  const length = db.prepare('PRAGMA wal_checkpoint(NOOP)');
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  for (const statement of [length, checkpoint]) statement.setReturnArrays(true);
  const shrink = (): boolean => {
    try {
      checkpoint.get();
      return true;
    } catch {
      return false;
    }
  };
  const uncopied = (): number => {
    try {
      const [, pages, copied] = length.get() as unknown as [busy: number, pages: number, copied: number];
      return pages - copied;
    } catch {
      return WAL_PAGES_MAX;
    }
  };
  return {
    shrink,
    keepShort: (full) => {
      if (uncopied() < (full ? WAL_PAGES_WHEN_FULL : WAL_PAGES_MAX)) return true;
      return shrink() || full;
    },
  };
}
