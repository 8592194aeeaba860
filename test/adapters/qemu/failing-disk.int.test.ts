import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import type { RunRef } from '../../../src/actors/contracts/hypervisor.ts';
import { buildDemoImage } from '../../../src/adapters/qemu/image/build-demo.ts';
import { bootReady, openScene, type Scene, untilTrue, wanted } from '../../contracts/hypervisor.world.ts';
import { endProcessesOf, temporaryDirectory } from '../../left-processes.ts';
import { makeQemuWorld, type QemuWorld } from '../qemu.world.ts';

/**
 * Goal: a guest whose memory the disk did not take is never called saved. Method: a file system on a loop device, whose file
 * lies on a small disk that is full: whatever is written to new places of it is lost, as on a disk that fails.
 */

const INSTANCE = '01failingdisk0000000000000';
const MIB = 1_048_576;
const DISK_BYTES = 512 * MIB;
const BACKING_BYTES = 320 * MIB;
const MEMORY_WRITTEN_MIB = 24;
const LIMIT_MS = 60_000;
const run = (number: number): RunRef => ({ instance: INSTANCE, run: number });
const SAVING = { snapshot: 'asleep', takes_memory: true } as const;

describe('a guest whose disk fails', () => {
  const images = temporaryDirectory('statevisor-images-');
  const backing = temporaryDirectory('statevisor-backing-');
  let world: QemuWorld;
  let scene: Scene;
  const filler = join(backing, 'somebody-elses-file');
  const snapshots = (): string[] => readdirSync(join(world.root, 'instances', INSTANCE, 'snapshots'));
  /** From now on the disk loses what is written to places that were never written to; what was written before is safe. */
  const failDisk = (): void => {
    execFileSync('sync', ['--file-system', world.root]);
    const { bavail, bsize } = statfsSync(backing);
    execFileSync('fallocate', ['--length', String(bavail * bsize), filler]);
  };
  /** Writes to memory that was never written to. */
  const writeMemory = async (number: number): Promise<void> => {
    const { code } = await world.command(run(number), `head -c ${MEMORY_WRITTEN_MIB}m /dev/urandom >/run/written`);
    expect(code).toBe(0);
  };

  beforeAll(async () => {
    await buildDemoImage({ imagesDirectory: images, clock: systemClock() });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${BACKING_BYTES}`, 'statevisor-test', backing]);
    const disk = join(backing, 'disk');
    execFileSync('truncate', ['--size', String(DISK_BYTES), disk]);
    // Without a journal and with its tables written: what fails is the memory, and not the file system itself.
    execFileSync('mkfs.ext4', ['-q', '-F', '-O', '^has_journal', '-E', 'lazy_itable_init=0', disk]);
    world = await makeQemuWorld(images, { directory: 'disk' });
    mkdirSync(world.root);
    execFileSync('mount', ['-o', 'loop,errors=continue', disk, world.root]);
    scene = openScene(world);
    await bootReady(scene, run(1));
  }, LIMIT_MS);
  afterAll(async () => {
    // Room again, so that nothing waits for a disk that takes nothing.
    rmSync(filler, { force: true });
    endProcessesOf(world.root);
    for (const disk of [world.root, backing]) {
      // Processes that were just killed hold a disk for a moment longer.
      await untilTrue(() => spawnSync('umount', [disk]).status === 0, 'the disk lets go', LIMIT_MS);
    }
    await world.destroy();
    for (const directory of [images, backing]) rmSync(directory, { recursive: true, force: true });
  }, LIMIT_MS);
  const rule = (name: string, check: () => Promise<void>): void => it(name, check, LIMIT_MS);

  rule('is not saved, runs on, and nothing half made is left', async () => {
    const hypervisor = scene.current();
    failDisk();
    await writeMemory(1);
    expect((await hypervisor.pause(run(1), wanted())).outcome).toBe('done');
    const saved = await hypervisor.snapshot(run(1), SAVING, wanted());
    expect(saved, JSON.stringify(saved)).toMatchObject({
      outcome: 'failed',
      error: { code: 'memory_not_written' },
    });
    expect((await hypervisor.resume(run(1), wanted())).outcome).toBe('done');
    expect(await hypervisor.inspect(run(1))).toEqual({ reality: 'running', ready: true });
    expect(snapshots()).toEqual([]);
  });

  rule(
    'is not saved later either, although the disk tells of no failure any more: it is not even paused for it',
    async () => {
      rmSync(filler);
      const lost = {
        outcome: 'failed',
        error: { code: 'memory_not_written', message: expect.stringContaining('restart the guest') },
      };
      for (const open of [scene.current, scene.reopen]) {
        const hypervisor = await open();
        expect(await hypervisor.adopt(run(1))).toEqual({ reality: 'running', ready: true });
        expect(await hypervisor.pause(run(1), wanted())).toEqual(lost);
        expect(await hypervisor.inspect(run(1))).toEqual({ reality: 'running', ready: true });
        expect(await hypervisor.snapshot(run(1), SAVING, wanted())).toEqual(lost);
      }
      expect(snapshots()).toEqual([]);
    },
  );

  rule('is saved again once it was restarted on a disk that is well', async () => {
    const hypervisor = scene.current();
    expect((await hypervisor.kill(run(1), wanted())).outcome).toBe('done');
    await bootReady(scene, run(2));
    await writeMemory(2);
    expect((await hypervisor.pause(run(2), wanted())).outcome).toBe('done');
    expect(await hypervisor.snapshot(run(2), SAVING, wanted())).toEqual({ outcome: 'done', result: null });
    expect(snapshots()).toEqual(['asleep']);
  });
});
