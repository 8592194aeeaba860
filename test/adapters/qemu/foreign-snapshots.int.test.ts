import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../src/actors/clock.ts';
import { openSnapshotStore, type SnapshotStore } from '../../../src/adapters/qemu/snapshots/store.ts';
import { temporaryDirectory } from '../../left-processes.ts';
import { NAME, refusalOf, saved } from './stored-snapshots.ts';

/**
 * Parts of a snapshot that are no files of its own: to read one may have no end, or lead out of it. They are refused by name,
 * and listing them answers.
 */

let root = '';
let store: SnapshotStore;
let directory = '';
beforeEach(async () => {
  root = temporaryDirectory('statevisor-foreign-');
  store = openSnapshotStore(root, systemRandom(), true);
  directory = await saved(store);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function expectRefused(): Promise<void> {
  expect(await refusalOf(store)).toBe('snapshot_altered');
  expect((await store.list('web')).map(({ snapshot }) => snapshot)).toEqual([NAME]);
}

function makePipe(path: string): void {
  execFileSync('mkfifo', [path]);
}

function makeDirectory(path: string): void {
  mkdirSync(path);
}

function linkToMoved(path: string): void {
  symlinkSync(`${path}.moved`, path);
}

describe.each(['manifest.json', 'state', 'memory'])('a snapshot whose %s is', (part) => {
  it.each([
    ['a pipe', makePipe],
    ['a directory', makeDirectory],
    ['a link to the file that it was', linkToMoved],
  ] as const)('%s is refused as altered', async (_what, put) => {
    renameSync(join(directory, part), join(directory, `${part}.moved`));
    put(join(directory, part));
    await expectRefused();
  });
});

it('a snapshot whose manifest has no end is refused as altered, unread', async () => {
  truncateSync(join(directory, 'manifest.json'), 2 ** 32);
  await expectRefused();
});

it('a snapshot that is a link to a directory elsewhere is dropped without what it leads to', async () => {
  const elsewhere = join(root, 'elsewhere');
  renameSync(directory, elsewhere);
  symlinkSync(elsewhere, directory);
  await store.drop('web', NAME);
  expect(await store.list('web')).toEqual([]);
  renameSync(elsewhere, directory);
  expect(await refusalOf(store)).toBe('in order');
});
