import { readFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MEMORY_FILE } from '../command-line.ts';
import { instanceDirectory, WOKEN_DIRECTORY } from '../run-directory.ts';
import { isCode, sync } from './files.ts';
import { MANIFEST_FILE, readManifest, type SnapshotManifest, STATE_FILE } from './manifest.ts';

/** The snapshot that a run was restored from, on its way into the run's directory, and back when its guest is not let go. */

/** What is known of the snapshot that a run was restored from; null for a run that was booted. */
export function readWoken(directory: string): SnapshotManifest | null {
  try {
    const manifest = readManifest(readFileSync(join(directory, WOKEN_DIRECTORY, MANIFEST_FILE), 'utf8'));
    return typeof manifest === 'string' ? null : manifest;
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}

/** The snapshot becomes the run's by one rename, on the disk before the guest runs. Its memory is the guest's from now on. */
export async function consume(directory: string, snapshot: string): Promise<void> {
  await rename(snapshot, join(directory, WOKEN_DIRECTORY));
  await Promise.all([sync(directory), sync(dirname(snapshot))]);
}

/**
 * And back into its place, on the disk before anybody hears that its guest sleeps on. A host that went down after that, and
 * came back with the snapshot still in the run, would find a run that has begun and ended, of which nobody needs the memory.
 * The new place is synced before the old one: where a file system keeps no order of its own, its name may then be in both
 * for a moment, and is never in neither. Nothing of the run may be removed before both are.
 */
export async function giveBack(directory: string, snapshot: string, syncOf: typeof sync = sync): Promise<void> {
  await rename(join(directory, WOKEN_DIRECTORY), snapshot);
  await syncOf(dirname(snapshot));
  await syncOf(directory);
}

/** Sees to it that the names of an instance's snapshots are on the disk. */
export async function syncSnapshots(root: string, instance: string): Promise<void> {
  await sync(join(instanceDirectory(root, instance), 'snapshots')).catch((error: unknown) => {
    if (!isCode(error, 'ENOENT', 'ENOTDIR')) throw error;
  });
}

/** The manifest stays: it tells what the guest had. Whatever is left of the rest goes with the run's memory at its end. */
export async function forgetConsumed(directory: string): Promise<void> {
  const files = [MEMORY_FILE, STATE_FILE].map((name) => join(directory, WOKEN_DIRECTORY, name));
  await Promise.all(files.map((file) => rm(file, { force: true }).catch(() => undefined)));
}
