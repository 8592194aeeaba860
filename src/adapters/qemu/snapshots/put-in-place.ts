import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isCode, sync } from './files.ts';

/** Renames a directory. False when there is none. */
export async function putAside(directory: string, aside: string): Promise<boolean> {
  try {
    await rename(directory, aside);
    return true;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/**
 * Makes what was begun that directory, on the disk. One that was there is `old` then, and the caller's to remove: a memory of
 * many gigabytes takes its time, in which there must not be neither of them. When this fails, everything is where it was.
 */
export async function putInPlace(
  begun: string,
  directory: string,
  old: string,
  syncOf: typeof sync = sync,
): Promise<void> {
  const isReplaced = await putAside(directory, old);
  try {
    await rename(begun, directory);
    await syncOf(dirname(directory)).catch(async (error: unknown) => {
      await rename(directory, begun);
      throw error;
    });
  } catch (error) {
    if (isReplaced) await rename(old, directory);
    throw error;
  }
}
