import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, systemRandom } from '../../../src/actors/clock.ts';
import type { Observation } from '../../../src/actors/contracts/hypervisor.ts';
import { bootRun } from '../../../src/adapters/qemu/boot.ts';
import { BOOT_LIMIT_MS, type BootOptions } from '../../../src/adapters/qemu/come-up.ts';
import type { Image } from '../../../src/adapters/qemu/image/store.ts';
import { readRunState, readVerdict, runDirectory } from '../../../src/adapters/qemu/run-directory.ts';
import { keepNotes } from '../../../src/adapters/qemu/run-notes.ts';
import { untilTrue, wanted } from '../../contracts/hypervisor.world.ts';
import { endPretended, hypervisorOf, type PretendedRun, pretendRun, REF } from './pretended-run.ts';

/** What is left of a run that is over, also where the disk takes and shows nothing any more. */

let root = '';
let run: PretendedRun;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'statevisor-ended-'));
  run = pretendRun(root);
});
const kill = (): Promise<void> => endPretended(run);
afterEach(async () => {
  await kill();
  // A supervisor may still be writing how its VMM ended.
  rmSync(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
});
const memory = (): string => join(run.directory, 'memory');
/** A supervisor was there that wrote the end down. */
const writeEnd = (): void => writeFileSync(join(run.directory, 'end'), '137\n');
const IMAGE: Image = {
  name: 'none',
  kernel: '/nosuch',
  initrd: null,
  commandLine: '',
  ready: { by: 'immediate' },
  agentPort: null,
  exitPort: null,
  identityCommand: null,
  memoryMinBytes: 0,
  guestPorts: [],
};
const END_LIMIT_MS = 15_000;
const KILLED = { reason: 'killed', code: null };

describe('the end of a run', () => {
  it('is told although its memory cannot be removed', async () => {
    // A directory is no file that could be.
    rmSync(memory());
    mkdirSync(memory());
    writeEnd();
    await kill();
    const later = hypervisorOf(root);
    expect(await later.inspect(REF)).toMatchObject({ reality: 'ended', ...KILLED });
    await later.close();
  });

  it('is observed although nothing that was written of it can be read: how it was is unknown then', async () => {
    const later = hypervisorOf(root);
    const seen: Observation[] = [];
    later.observe((one) => seen.push(one));
    await later.adopt(REF);
    mkdirSync(join(run.directory, 'end'));
    await kill();
    await untilTrue(() => seen.length > 0, 'the end is observed', END_LIMIT_MS);
    expect(seen).toMatchObject([{ type: 'vmm.exited', ...REF, reason: 'unknown', code: null, ended_at: null }]);
    await later.close();
  });

  it('leaves no memory, also when the daemon that had it decided died before that was gone', async () => {
    writeEnd();
    await kill();
    const first = hypervisorOf(root);
    await first.inspect(REF);
    await first.close();
    expect([existsSync(memory()), readVerdict(run.directory)]).toMatchObject([false, KILLED]);
    writeFileSync(memory(), 'left');
    const later = hypervisorOf(root);
    expect(await later.inspect(REF)).toMatchObject(KILLED);
    expect(existsSync(memory())).toBe(false);
    await later.close();
  });
});

describe('a run that never came up', () => {
  it('leaves no memory on the disk', async () => {
    const binary = join(root, 'silent-vmm');
    writeFileSync(binary, '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
    const real = systemClock();
    const ref = { instance: 'silent', run: 1 };
    const directory = runDirectory(root, ref);
    const isUp = (): boolean => existsSync(directory) && readRunState(directory).state === 'alive';
    // The time to come up in is over as soon as it is up.
    const clock = { ...real, monotonic: () => real.monotonic() + (isUp() ? BOOT_LIMIT_MS : 0) };
    const nothing = (): void => undefined;
    const options: BootOptions = {
      root,
      binary,
      clock,
      probeAddress: () => null,
      random: systemRandom(),
      log: nothing,
      emit: nothing,
      keep: nothing,
    };
    const spec = {
      ...ref,
      name: 'silent',
      image: 'none',
      vcpus: 1,
      memory_bytes: 4096,
      network: { mode: 'none' as const },
    };
    const accelerator = { name: 'tcg' as const, options: [] };
    expect(await bootRun(spec, IMAGE, accelerator, wanted(), options)).toMatchObject({
      outcome: 'failed',
      error: { code: 'timed_out' },
    });
    expect([isUp(), existsSync(join(directory, 'memory'))]).toEqual([false, false]);
  });
});

describe('a run that lives', () => {
  it('is watched although what its VMM has told cannot be read', async () => {
    mkdirSync(join(run.directory, 'events.log'));
    const told: unknown[] = [];
    const notes = keepNotes(run.directory, (error) => told.push(error));
    expect(notes.unseenReboots()).toEqual([]);
    expect(String(told)).toContain('EISDIR');
    await notes.kept();
  });
});
