import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { lstat, open, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What snapshots need of files beyond what Node has in one call. */

/** Sees to it that a file, or the names in a directory, are on the disk. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Waits for it as long as anybody waits: rejects when the signal fires, so that a disk that hangs keeps no guest from going on.
 * What was begun ends by itself.
 */
export async function unlessGivenUp<Result>(begun: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const given = Promise.withResolvers<never>();
  const onAbort = (): void => given.reject(new Error('given up'));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([begun, given.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Syncs for as long as anybody waits. */
export function syncUntil(path: string, signal: AbortSignal): Promise<void> {
  return unlessGivenUp(sync(path), signal);
}

/** The same for some files of a directory and for their names in it, side by side: most file systems join that into one write. */
export async function syncTogether(directory: string, names: readonly string[], signal: AbortSignal): Promise<void> {
  await Promise.all([directory, ...names.map((name) => join(directory, name))].map((path) => syncUntil(path, signal)));
}

/** Size, and time of the last change in nanoseconds; null when there is no such file. */
export async function traitsOf(path: string): Promise<{ readonly bytes: number; readonly mtime_ns: string } | null> {
  try {
    const { size, mtimeNs } = await stat(path, { bigint: true });
    return { bytes: Number(size), mtime_ns: String(mtimeNs) };
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}

/** False: what stands there is no file of its own. A pipe or a device may have no end, and a link leads elsewhere. */
export async function isPlain(path: string): Promise<boolean | 'missing'> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return 'missing';
    throw error;
  }
}

/**
 * Whether there is something. Throws when that cannot be told: what a failing disk does not show may be there, and much is
 * decided by what is not.
 */
export function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

export async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { signal })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

export const isDiskFull = (error: unknown): boolean => isCode(error, 'ENOSPC', 'EDQUOT');

export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
