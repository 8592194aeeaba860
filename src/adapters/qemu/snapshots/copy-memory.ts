import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MEMORY_FILE } from '../command-line.ts';

const run = promisify(execFile);

/** `cp` could not copy; `code` is ENOSPC when the disk is full. */
class CopyFailed extends Error {
  override readonly name = 'CopyFailed';
  readonly code: string;

  constructor(told: string, cause: unknown) {
    super('the memory cannot be copied', { cause });
    this.code = /No space left|Disk quota/i.test(told) ? 'ENOSPC' : 'EIO';
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
    throw new CopyFailed(error instanceof Error && 'stderr' in error ? String(error.stderr) : '', error);
  }
}
