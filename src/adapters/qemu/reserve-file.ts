import { execFile } from 'node:child_process';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { OperationError } from '../../actors/contracts/hypervisor.ts';

const run = promisify(execFile);
const RESERVE_LIMIT_MS = 10_000;

/** `impossible`: the file system cannot, or not in time; the file has the holes that it had. */
type Reserved = 'reserved' | 'full' | 'impossible';

/**
 * Takes the room on the disk that a file needs up to that size, whatever it has of it by now. Blocks that it shares with
 * another file (a reflink) stay shared, and are the file system's to find room for when they are written.
 */
export async function reserveRoom(path: string, bytes: number): Promise<Reserved> {
  try {
    await run('fallocate', ['--length', String(bytes), '--', path], {
      timeout: RESERVE_LIMIT_MS,
      env: { ...process.env, LC_ALL: 'C' },
    });
    return 'reserved';
  } catch (error) {
    return saysFull(error) ? 'full' : 'impossible';
  }
}

/** What a program, or the kernel, says when there is no room left, or none for this user. */
export function saysFull(error: unknown): boolean {
  const told = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
  return /No space left|Disk quota/i.test(told);
}

/**
 * Makes a file of that size whose room on the disk is taken already. A guest that touched its memory for the first time on a
 * disk that has become full would be killed by that (SIGBUS); so a full disk refuses boots instead. Where the file system
 * cannot reserve, the file has holes.
 */
export async function reserveFile(directory: string, name: string, bytes: number): Promise<OperationError | null> {
  const path = join(directory, name);
  const made = await writeFile(path, '', { mode: 0o600 }).then(
    () => reserveRoom(path, bytes),
    (error: unknown) => (saysFull(error) ? 'full' : 'impossible'),
  );
  if (made === 'reserved') return null;
  if (made === 'full') {
    await rm(path, { force: true });
    return {
      code: 'disk_full',
      message: `there is no room for ${bytes} bytes of memory on the disk of the data directory`,
    };
  }
  try {
    await truncate(path, bytes);
  } catch {
    // More than a file can have: the VMM makes its own, and says what is wrong with it.
    await rm(path, { force: true });
  }
  return null;
}
