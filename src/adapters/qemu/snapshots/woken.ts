import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WOKEN_DIRECTORY } from '../run-directory.ts';
import { isCode } from './files.ts';
import { MANIFEST_FILE, readManifest, type SnapshotManifest } from './manifest.ts';

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
