import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../src/actors/clock.ts';
import { putInPlace } from '../../../src/adapters/qemu/snapshots/put-in-place.ts';
import { openSnapshotStore, type SnapshotStore } from '../../../src/adapters/qemu/snapshots/store.ts';
import { NAME, never, refusalOf, saved, write } from './stored-snapshots.ts';

/** A snapshot that takes the place of another one: at each moment one of them is there, whatever the disk does. */

let root = '';
let store: SnapshotStore;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'statevisor-replaced-'));
  store = openSnapshotStore(root, systemRandom(), false);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const place = (): string => join(root, 'instances', 'web', 'snapshots');

describe('a snapshot that another one was to replace', () => {
  it('is as it was when that cannot be put into its place', async () => {
    await saved(store);
    const begun = await write(store);
    rmSync(begun, { recursive: true });
    await expect(store.publish(begun, 'web', NAME)).rejects.toThrow('ENOENT');
    expect([await refusalOf(store), readdirSync(place())]).toEqual(['in order', [NAME]]);
  });

  it('is as it was when that is not on the disk, and the other one is not there', async () => {
    const [old, begun, directory] = ['.old', '.new', 'run-1'].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ];
    for (const [path, text] of [
      [directory, 'before'],
      [begun, 'after'],
    ] as const) {
      mkdirSync(path);
      writeFileSync(join(path, 'state'), text);
    }
    const fails = async (): Promise<void> => {
      throw new Error('EIO: i/o error, fsync');
    };
    await expect(putInPlace(begun, directory, old, fails)).rejects.toThrow('EIO');
    const read = (path: string): string => readFileSync(join(path, 'state'), 'utf8');
    expect([read(directory), read(begun), readdirSync(root).sort()]).toEqual(['before', 'after', ['.new', 'run-1']]);
  });

  it('goes only once the other one is on the disk in its place', async () => {
    const [old, begun, directory] = ['.old', '.new', 'run-1'].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [directory, begun]) mkdirSync(path);
    const seen: string[][] = [];
    await putInPlace(begun, directory, old, async () => {
      seen.push(readdirSync(root).sort());
    });
    expect(seen).toEqual([['.old', 'run-1']]);
  });
});

describe('a snapshot that cannot be looked at', () => {
  const hide = async (): Promise<void> => {
    rmSync(await saved(store), { recursive: true });
    // What leads back to itself is there, and cannot be looked at: as with a disk that fails.
    symlinkSync(NAME, join(place(), NAME));
  };

  it('is not refused as missing', async () => {
    await hide();
    await expect(store.verify('web', NAME, never)).rejects.toThrow('ELOOP');
  });

  it('keeps no guest standing still whose memory another one shares, and that one goes', async () => {
    await hide();
    const memory = join(await saved(store, 'run-2'), 'memory');
    mkdirSync(join(root, 'run'));
    linkSync(memory, join(root, 'run', 'memory'));
    await store.dropSharing('web', join(root, 'run', 'memory'));
    expect(readdirSync(place())).toEqual([NAME]);
  });
});
