import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copySnapshot } from '../../../src/adapters/qemu/snapshots/copy.ts';
import { restoreRun } from '../../../src/adapters/qemu/snapshots/restore.ts';
import { saveRun } from '../../../src/adapters/qemu/snapshots/save.ts';
import { wanted } from '../../contracts/hypervisor.world.ts';
import { endPretended, type PretendedRun, pretendRun, REF, toolsOf } from './pretended-run.ts';

/** What becomes of a guest, and of what was written of it, when its save comes to nothing. */

let root = '';
let run: PretendedRun;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'statevisor-given-up-'));
  run = pretendRun(root);
});
afterEach(async () => {
  await endPretended(run);
  rmSync(root, { recursive: true, force: true });
});

const AS = { snapshot: 'run-1', takes_memory: true };
const place = (): string => join(root, 'instances', REF.instance, 'snapshots');

describe('a save that is given up', () => {
  it('when all was sent has its VMM give up too, before the guest may go on', async () => {
    const over = new AbortController();
    const told: string[] = [];
    const tools = toolsOf(root, run.directory, async (command) => {
      told.push(command);
      if (command !== 'query-migrate') return undefined;
      over.abort();
      return { status: told.includes('migrate_cancel') ? 'cancelled' : 'active' };
    });
    const control = { ...wanted(), signal: over.signal };
    expect(await saveRun(tools, REF, AS, control)).toEqual({ outcome: 'withdrawn' });
    expect(told.slice(told.indexOf('migrate')).filter((one) => one.includes('migrate'))).toEqual([
      'migrate',
      'query-migrate',
      'migrate_cancel',
      'query-migrate',
    ]);
    expect(readdirSync(place())).toEqual([]);
  });
});

describe('a save that fails', () => {
  it('says why, although what it has written cannot be removed; that goes before the next one', async () => {
    let mounted = '';
    const tools = toolsOf(root, run.directory, async (command) => {
      if (command !== 'query-status' || mounted !== '') return undefined;
      // No directory is removed in which there is a disk.
      mounted = join(place(), readdirSync(place())[0] ?? '', 'disk');
      mkdirSync(mounted);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'statevisor-test', mounted]);
      return { status: 'running' };
    });
    try {
      expect(await saveRun(tools, REF, AS, wanted())).toMatchObject({
        outcome: 'failed',
        error: { code: 'not_paused' },
      });
      expect(await saveRun(tools, REF, AS, wanted()), 'nor is the next one kept by it').toMatchObject({
        outcome: 'done',
      });
    } finally {
      execFileSync('umount', [mounted]);
    }
    expect(await saveRun(tools, REF, AS, wanted())).toMatchObject({ outcome: 'done' });
    expect(readdirSync(place())).toEqual(['run-1']);
  });
});

describe('a VMM that answers what nobody understands', () => {
  it('is not blamed on the disk', async () => {
    const tools = toolsOf(root, run.directory, async (command) =>
      command === 'query-migrate' ? { status: 7 } : undefined,
    );
    expect(await saveRun(tools, REF, AS, wanted())).toMatchObject({
      outcome: 'failed',
      error: { code: 'adapter_failed' },
    });
  });
});

describe('a snapshot that a hanging disk does not show', () => {
  const hanging = () => {
    const tools = toolsOf(root, run.directory);
    return { ...tools, store: { ...tools.store, verify: () => new Promise<never>(() => undefined) } };
  };
  const SAVED = { instance: REF.instance, snapshot: 'run-1' };

  it('is waited for as long as anybody waits', async () => {
    const over = new AbortController();
    const control = { ...wanted(), signal: over.signal };
    const copied = copySnapshot(hanging(), SAVED, { ...SAVED, snapshot: 'kept' }, control);
    // Nothing else is looked at before it is verified.
    const restored = restoreRun(hanging() as never, { spec: REF, from: SAVED } as never, control);
    over.abort();
    expect([await copied, await restored]).toEqual([{ outcome: 'withdrawn' }, { outcome: 'withdrawn' }]);
  });
});
