import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MEMORY_FILE } from '../command-line.ts';
import { reserveRoom, saysFull } from '../reserve-file.ts';

const run = promisify(execFile);

/** It could not be copied; `code` is ENOSPC when the disk is full. */
class CopyFailed extends Error {
  override readonly name = 'CopyFailed';
  readonly code: string;

  constructor(code: 'ENOSPC' | 'EIO', cause?: unknown) {
    super(`the memory cannot be copied${code === 'ENOSPC' ? ': the disk is full' : ''}`, { cause });
    this.code = code;
  }
}

/**
 * Copies the memory of a guest. GNU cp leaves holes where nothing but zeros is, and shares the blocks where the file system
 * can; Node's own copy does not keep the holes.
 */
export async function copyMemory(from: string, to: string, signal: AbortSignal): Promise<void> {
  const files = [from, to].map((directory) => join(directory, MEMORY_FILE));
  try {
    await run('cp', ['--sparse=always', '--reflink=auto', '--', ...files], {
      signal,
      env: { ...process.env, LC_ALL: 'C' },
    });
  } catch (error) {
    throw new CopyFailed(saysFull(error) ? 'ENOSPC' : 'EIO', error);
  }
}

/**
 * The same for a guest that will run on the copy: the room of its holes is taken, too. A VMM that touched one of them on a
 * disk that has become full would be killed by that, so a full disk refuses the copy instead.
 */
export async function copyMemoryToRunOn(from: string, to: string, signal: AbortSignal): Promise<void> {
  await copyMemory(from, to, signal);
  const path = join(to, MEMORY_FILE);
  if ((await reserveRoom(path, (await stat(path)).size)) === 'full') throw new CopyFailed('ENOSPC');
}
