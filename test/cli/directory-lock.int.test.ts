import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DataDirectory, dataDirectory } from '../../src/cli/data-directory.ts';
import { lockDirectory } from '../../src/cli/directory-lock.ts';

let directory: DataDirectory;
beforeEach(() => {
  directory = dataDirectory(mkdtempSync(join(tmpdir(), 'statevisor-lock-')));
});
afterEach(() => rmSync(directory.path, { recursive: true }));

test('a data directory has one owner, named to the next one, until that one lets go of it', () => {
  const unlock = lockDirectory(directory);
  const message = `the data directory ${directory.path} is in use by process ${process.pid}`;
  const refusal = { code: 'data_directory_in_use', ownerPid: process.pid, message };
  expect(() => lockDirectory(directory)).toThrow(expect.objectContaining(refusal));
  unlock();
  lockDirectory(directory)();
});
