import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/actors/contracts/hypervisor.ts';
import { pauseRun } from '../../../src/adapters/qemu/snapshots/operations.ts';
import { createRunMemories } from '../../../src/adapters/qemu/snapshots/run-memories.ts';
import { saveRun } from '../../../src/adapters/qemu/snapshots/save.ts';
import { untilTrue, wanted } from '../../contracts/hypervisor.world.ts';
import {
  endPretended,
  hypervisorOf,
  MEMORY_TEXT,
  type PretendedRun,
  pretendRun,
  REF,
  toolsOf,
} from './pretended-run.ts';

/** The kernel tells once that it could not write a page, to whoever syncs then; whoever syncs later hears of success. */

let root = '';
let run: PretendedRun;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'statevisor-unwritten-'));
  run = pretendRun(root);
});
afterEach(async () => {
  await endPretended(run);
  rmSync(root, { recursive: true, force: true });
});

const TAKEN = { snapshot: 'run-1', takes_memory: true };
const NAMED = { snapshot: 'named' };
const memory = (): string => join(run.directory, 'memory');
const snapshots = (): string[] => readdirSync(join(root, 'instances', REF.instance, 'snapshots')).sort();
const NOT_WRITTEN = {
  outcome: 'failed',
  error: { code: 'memory_not_written', message: expect.stringContaining('restart the guest') },
};

/** A pipe can be opened and not be synced, so it stands for memory that the disk does not take. */
function placePipe(): void {
  rmSync(memory());
  execFileSync('mkfifo', [memory()]);
}

/** Lets the sync that waits at the pipe fail, and has every later one succeed. */
async function failOnce(): Promise<void> {
  let end = -1;
  // Nobody can write to a pipe before somebody is there who reads it.
  const isOpened = (): boolean => {
    try {
      end = openSync(memory(), constants.O_WRONLY | constants.O_NONBLOCK);
      return true;
    } catch {
      return false;
    }
  };
  await untilTrue(isOpened, 'the memory is being synced');
  writeFileSync(`${memory()}.new`, MEMORY_TEXT);
  renameSync(`${memory()}.new`, memory());
  closeSync(end);
}

const failingOnce = () =>
  toolsOf(root, run.directory, async (command) => {
    if (command === 'query-status') await failOnce();
  });

async function saveOnAFailingDisk(tools = failingOnce()): Promise<Outcome> {
  placePipe();
  return saveRun(tools, REF, TAKEN, wanted());
}

describe('memory that the disk does not take', () => {
  it('is no snapshot, although the sync that fails is the one that was begun early', async () => {
    expect(await saveOnAFailingDisk()).toEqual(NOT_WRITTEN);
    expect(snapshots()).toEqual([]);
  });

  it('is no snapshot, although that sync had failed before anything else of the save was done', async () => {
    const tools = toolsOf(root, run.directory, async (command) => {
      if (command !== 'query-status') return;
      await failOnce();
      await untilTrue(() => tools.memories.isNotWritten(run.directory), 'the failure is heard');
    });
    expect(await saveOnAFailingDisk(tools)).toEqual(NOT_WRITTEN);
    expect(snapshots()).toEqual([]);
  });

  it('is in no later save of that run either, also of a later daemon', async () => {
    const tools = failingOnce();
    await saveOnAFailingDisk(tools);
    for (const as of [TAKEN, NAMED]) {
      expect(await saveRun(tools, REF, as, wanted())).toEqual(NOT_WRITTEN);
      expect(await saveRun(toolsOf(root, run.directory), REF, as, wanted()), 'a later daemon').toEqual(NOT_WRITTEN);
    }
    expect(snapshots()).toEqual([]);
  });

  it('interrupts its guest no more: it is refused before it is paused', async () => {
    await saveOnAFailingDisk();
    const later = hypervisorOf(root);
    expect(await later.pause(REF, wanted())).toEqual(NOT_WRITTEN);
    await later.close();
  });

  it('is known of although whoever saved it had given up by then', async () => {
    placePipe();
    const over = new AbortController();
    const tools = toolsOf(root, run.directory, async (command) => {
      if (command === 'query-version') over.abort();
    });
    const given = { ...wanted(), signal: over.signal };
    expect(await saveRun(tools, REF, TAKEN, given)).toEqual({ outcome: 'withdrawn' });
    const next = saveRun(tools, REF, TAKEN, wanted());
    await failOnce();
    expect(await next).toEqual(NOT_WRITTEN);
    expect(await saveRun(toolsOf(root, run.directory), REF, TAKEN, wanted()), 'a later daemon').toEqual(NOT_WRITTEN);
  });

  it('is synced once more for all who ask while a disk that hangs is waited for, and not once for each', async () => {
    placePipe();
    const memories = createRunMemories();
    const hanging = memories.sync(run.directory);
    const later = Array.from({ length: 100 }, () => memories.sync(run.directory));
    expect([new Set(later).size, later.includes(hanging)]).toEqual([1, false]);
    const outcomes = Promise.allSettled([hanging, ...later]);
    await failOnce();
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'memory_not_written' } });
    await memories.sync(run.directory);
  });

  it('is known of also where that cannot be written down', async () => {
    const tools = failingOnce();
    // A link to where nothing is: nothing can be written there, and nothing is found there.
    symlinkSync('nosuch/mark', join(run.directory, 'memory-not-written'));
    await saveOnAFailingDisk(tools);
    expect(await saveRun(tools, REF, TAKEN, wanted())).toEqual(NOT_WRITTEN);
  });
});

describe('memory that the disk takes', () => {
  it('is saved, again and again', async () => {
    const tools = toolsOf(root, run.directory);
    expect(await pauseRun(tools, REF, wanted())).toMatchObject({ outcome: 'done' });
    for (const as of [NAMED, TAKEN]) {
      expect(await saveRun(tools, REF, as, wanted())).toEqual({ outcome: 'done', result: null });
    }
    expect(snapshots()).toEqual(['named', 'run-1']);
  });

  it('that is gone before it can be synced says nothing about the disk', async () => {
    const tools = toolsOf(root, run.directory);
    rmSync(memory());
    expect(await saveRun(tools, REF, TAKEN, wanted())).toMatchObject({ error: { code: 'storage_failed' } });
    writeFileSync(memory(), MEMORY_TEXT);
    expect(await saveRun(tools, REF, TAKEN, wanted())).toEqual({ outcome: 'done', result: null });
  });
});
