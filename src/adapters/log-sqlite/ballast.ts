import { createCipheriv } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const BALLAST_FILE = 'log.ballast';
const CHUNK_BYTES = 65_536;
/** Free room asked for beside the ballast before ordinary appends are taken again, so that they do not fail at once. */
export const RESUME_FREE_BYTES = 1_048_576;

/**
 * Free room without which a disk counts as full when the log is opened: the daemon's own small files must find some then,
 * and it would be full with the next few records.
 */
export const OPENING_FREE_BYTES = 65_536;

/** A file that only takes up room, to be given up when the disk is full. */
export interface Ballast {
  /** Makes the file if there is room for it and some more. False: there is not; nothing is left behind. */
  readonly make: (beside: number) => boolean;
  readonly release: () => void;
  readonly present: () => boolean;
}

/** Noise, always the same: zeros would take no room on a file system that compresses. */
function noise(): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(CHUNK_BYTES));
}

function fill(path: string, bytes: number): void {
  const chunk = noise();
  const file = openSync(path, 'w', 0o600);
  try {
    for (let written = 0; written < bytes; ) {
      written += writeSync(file, chunk, 0, Math.min(CHUNK_BYTES, bytes - written), written);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

export function createBallast(directory: string, bytes: number): Ballast {
  const path = join(directory, BALLAST_FILE);
  const present = (): boolean => sizeOf(path) >= bytes;
  return {
    present,
    make: (beside) => {
      try {
        if (bytes > 0 && present()) return freeBytes(directory) >= beside;
        if (freeBytes(directory) < bytes + beside) return false;
        if (bytes > 0) fill(path, bytes);
        return true;
      } catch {
        rmSync(path, { force: true });
        return false;
      }
    },
    release: () => rmSync(path, { force: true }),
  };
}
