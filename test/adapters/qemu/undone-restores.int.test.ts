import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, systemRandom } from '../../../src/actors/clock.ts';
import { isThere } from '../../../src/adapters/qemu/snapshots/files.ts';
import { openSnapshotStore } from '../../../src/adapters/qemu/snapshots/store.ts';
import { undoRestore } from '../../../src/adapters/qemu/snapshots/undo-restore.ts';
import { endPretended, hypervisorOf, type PretendedRun, pretendRun, REF } from './pretended-run.ts';
import { NAME, saved } from './stored-snapshots.ts';

/** A restored run whose guest is not let go after all, although it has its snapshot already. */

let root = '';
let run: PretendedRun;
let snapshot = '';
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'statevisor-undone-'));
  run = pretendRun(root, { restored_from: NAME });
  snapshot = await saved(openSnapshotStore(root, systemRandom(), false));
  renameSync(snapshot, join(run.directory, 'woken'));
});
afterEach(async () => {
  await endPretended(run);
  rmSync(root, { recursive: true, force: true });
});

const FILES = ['manifest.json', 'memory', 'state'];

describe('a restore that is undone', () => {
  it('has its snapshot in its place, and no VMM', async () => {
    expect(await undoRestore(run.directory, snapshot, systemClock())).toBe(true);
    expect(readdirSync(snapshot).sort()).toEqual(FILES);
    expect(existsSync(run.directory)).toBe(false);
    expect(run.vmm.kill(0)).toBe(false);
  });

  it('has the new place of the snapshot on the disk before the old one, and both before anything of the run goes', async () => {
    const synced: string[] = [];
    await undoRestore(run.directory, snapshot, systemClock(), async (path) => {
      expect([readdirSync(snapshot).sort(), isThere(join(run.directory, 'spec.json'))]).toEqual([FILES, true]);
      synced.push(path);
    });
    expect(synced).toEqual([dirname(snapshot), run.directory]);
  });

  it('keeps everything where the disk does not take that: the next look makes an end of it', async () => {
    const failing = undoRestore(run.directory, snapshot, systemClock(), async () => {
      throw new Error('EIO: i/o error, fsync');
    });
    await expect(failing).rejects.toThrow('EIO');
    expect([readdirSync(snapshot).sort(), isThere(join(run.directory, 'spec.json'))]).toEqual([FILES, true]);
    const later = hypervisorOf(root);
    expect(await later.inspect(REF)).toEqual({ reality: 'none' });
    expect([readdirSync(snapshot).sort(), existsSync(run.directory)]).toEqual([FILES, false]);
    await later.close();
  });
});

describe('a restore that a daemon died over', () => {
  it('is forgotten only once the place of its snapshot is on the disk', async () => {
    renameSync(join(run.directory, 'woken'), snapshot);
    const place = dirname(snapshot);
    renameSync(place, `${place}-elsewhere`);
    symlinkSync('snapshots', place);
    const later = hypervisorOf(root);
    await expect(later.inspect(REF), 'it cannot be').rejects.toThrow('ELOOP');
    expect(isThere(join(run.directory, 'spec.json'))).toBe(true);
    rmSync(place);
    renameSync(`${place}-elsewhere`, place);
    expect(await later.inspect(REF)).toEqual({ reality: 'none' });
    expect([readdirSync(snapshot).sort(), existsSync(run.directory)]).toEqual([FILES, false]);
    await later.close();
  });
});

describe('a living run', () => {
  /** What leads back to itself is there, and cannot be looked at: as with a disk that fails. */
  const hide = (name: string): void => {
    rmSync(join(run.directory, name), { recursive: true });
    symlinkSync(name, join(run.directory, name));
  };

  it.each([
    ['its snapshot', 'woken'],
    ['its ticket', 'ticket-c0ffee.d'],
  ])(
    'lives on, and is not taken for one that never was, while nobody can tell whether %s is there',
    async (_what, name) => {
      hide(name);
      const later = hypervisorOf(root);
      await expect(later.inspect(REF)).rejects.toThrow('ELOOP');
      expect([run.vmm.kill(0), isThere(join(run.directory, 'spec.json'))]).toEqual([true, true]);
      await later.close();
    },
  );
});
