import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { syncUntil } from '../../../src/adapters/qemu/snapshots/files.ts';

const LIMIT_MS = 30_000;

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-sync-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a disk that does not answer is waited for as long as anybody waits', { timeout: LIMIT_MS }, async () => {
  // To open a pipe that nobody writes to takes until somebody does.
  const path = join(directory, 'hangs');
  execFileSync('mkfifo', [path]);
  const over = new AbortController();
  const synced = syncUntil(path, over.signal);
  over.abort();
  await expect(synced).rejects.toThrow('given up');
  await expect(syncUntil(path, over.signal)).rejects.toThrow('given up');
  closeSync(openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
});

test('a file is on the disk when it is told so, and one that is not there is a failure', async () => {
  const path = join(directory, 'file');
  writeFileSync(path, 'text');
  const { signal } = new AbortController();
  await syncUntil(path, signal);
  await expect(syncUntil(join(directory, 'nosuch'), signal)).rejects.toThrow('ENOENT');
});
