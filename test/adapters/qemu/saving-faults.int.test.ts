import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import type { Clock } from '../../../src/actors/contracts/clock.ts';
import type { RunRef, RunSpec } from '../../../src/actors/contracts/hypervisor.ts';
import { buildDemoImage } from '../../../src/adapters/qemu/image/build-demo.ts';
import { runDirectory } from '../../../src/adapters/qemu/run-directory.ts';
import { SAVE_LIMIT_MS } from '../../../src/adapters/qemu/snapshots/save.ts';
import { openScene, type Scene, untilTrue, wanted } from '../../contracts/hypervisor.world.ts';
import { endProcessesOf, temporaryDirectory } from '../../left-processes.ts';
import { makeQemuWorld, type QemuWorld } from '../qemu.world.ts';
import { changeManifest, flipByte } from './damage-snapshot.ts';

/** One guest on a small disk of its own, saved once; what may go wrong with it afterwards. The rules build on each other. */

const INSTANCE = '01savingfaults0000000000000';
const MIB = 1_048_576;
/** Room for the memory of three guests. */
const DISK_BYTES = 450 * MIB;
/** Enough to write a run down, and for no state. */
const ROOM_LEFT_BYTES = 256 * 1024;
/** Enough for the state of a guest and not for its memory. */
const ROOM_FOR_STATE_BYTES = 8 * MIB;
/** What a load may take, however busy the machine is; the one that is waited for in vain is given up sooner. */
const LOAD_LIMIT_MS = 59_000;
const IN_VAIN_MS = 3_000;
const LIMIT_MS = 60_000;
/** In a run's directory, whose data directory says by a file which VMM it is. */
const VMM_THAT_MAY_STALL = `#!/bin/bash
case "$*" in
  *"-incoming defer") [ ! -e ../../../../stalls ] || exec -a qemu-system ${process.execPath} \
    ${join(import.meta.dirname, 'stalled-vmm.process.ts')} ../../snapshots/sound/manifest.json ../../../../stalls ;;
esac
exec qemu-system-x86_64 "$@"
`;
const run = (number: number): RunRef => ({ instance: INSTANCE, run: number });

describe('a guest that is saved', () => {
  const images = temporaryDirectory('statevisor-images-');
  let world: QemuWorld;
  let scene: Scene;
  /** The time to save a guest in is over before it begins. */
  let isHurried = false;
  let isLoadedInVain = false;
  const real = systemClock();
  const after: Clock['after'] = (delayMs, callback) => {
    if (isHurried && delayMs === SAVE_LIMIT_MS) return real.after(0, callback);
    return real.after(isLoadedInVain && delayMs === LOAD_LIMIT_MS ? IN_VAIN_MS : delayMs, callback);
  };
  const snapshots = (): string => join(world.root, 'instances', INSTANCE, 'snapshots');
  const place = (name: string): string => join(snapshots(), name);
  const names = async (): Promise<string[]> =>
    (await scene.current().listSnapshots(INSTANCE)).map(({ snapshot }) => snapshot);
  const copy = (snapshot: string) =>
    scene.current().copySnapshot(INSTANCE, { snapshot: 'sound' }, { snapshot }, wanted());
  const restore = (number: number, snapshot: string, changes: Partial<RunSpec> = {}) =>
    scene.current().restore(world.spec(run(number), changes), { snapshot }, wanted());
  const drop = (snapshot: string) => scene.current().dropSnapshot(INSTANCE, { snapshot });
  /** Refused with that code; nothing is left behind, and the snapshot is there. */
  const expectRefused = async (number: number, snapshot: string, code: string, changes: Partial<RunSpec> = {}) => {
    const got = await restore(number, snapshot, changes);
    expect(got, JSON.stringify(got)).toMatchObject({ outcome: 'failed', error: { code } });
    expect(await world.pids()).toEqual([]);
    expect(await scene.current().inspect(run(number))).toEqual({ reality: 'none' });
    expect(await names()).toContain(snapshot);
  };
  const stalls = (): string => join(world.root, 'stalls');
  const filler = (): string => join(world.root, 'somebody-elses-file');
  const fillDisk = (leaving = ROOM_LEFT_BYTES): void => {
    const { bavail, bsize } = statfsSync(world.root);
    execFileSync('fallocate', ['--length', String(bavail * bsize - leaving), filler()]);
  };
  const memoryOf = (name: string): { readonly bytes: number; readonly taken: number } => {
    const { size, blocks } = statSync(join(place(name), 'memory'));
    return { bytes: size, taken: blocks * 512 };
  };

  beforeAll(async () => {
    await buildDemoImage({ imagesDirectory: images, clock: systemClock() });
    const binary = join(images, 'qemu-system-that-may-stall');
    writeFileSync(binary, VMM_THAT_MAY_STALL, { mode: 0o755 });
    const clock = { ...real, after };
    const options = { clock, directory: 'disk', binary, verifyMemory: true, loadLimitMs: LOAD_LIMIT_MS };
    world = await makeQemuWorld(images, options);
    mkdirSync(world.root);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'statevisor-test', world.root]);
    scene = openScene(world);
    expect(await scene.current().boot(world.spec(run(1)), wanted())).toMatchObject({ outcome: 'done' });
    await scene.until(() => scene.seen(run(1), 'guest.ready').length > 0, 'ready');
    await world.guest.remember(run(1), 'sound');
  }, LIMIT_MS);
  afterAll(async () => {
    // By a lazy unmount their directories lose the path by which they are found.
    endProcessesOf(world.root);
    execFileSync('umount', ['--lazy', world.root]);
    await world.destroy();
    rmSync(images, { recursive: true, force: true });
  });
  const rule = (name: string, check: () => Promise<void>): void => it(name, check, LIMIT_MS);

  rule('of a run that an earlier version started is refused before it is paused', async () => {
    const path = join(runDirectory(world.root, run(1)), 'spec.json');
    const spec = readFileSync(path, 'utf8');
    writeFileSync(path, spec.replace('"memory_file":"memory"', '"memory_file":null'));
    const old = await scene.reopen();
    expect(await old.adopt(run(1)), 'it is adopted as ever').toEqual({ reality: 'running', ready: true });
    expect(await old.pause(run(1), wanted())).toMatchObject({ outcome: 'failed', error: { code: 'not_supported' } });
    expect(await old.inspect(run(1))).toEqual({ reality: 'running', ready: true });
    writeFileSync(path, spec);
    await (await scene.reopen()).adopt(run(1));
  });

  rule('on a full disk runs on, and no other is booted there', async () => {
    const hypervisor = scene.current();
    expect((await hypervisor.pause(run(1), wanted())).outcome).toBe('done');
    fillDisk();
    const full = { outcome: 'failed', error: { code: 'disk_full' } };
    expect(await hypervisor.snapshot(run(1), { snapshot: 'sound', takes_memory: true }, wanted())).toMatchObject(full);
    expect(readdirSync(snapshots()), 'nothing half made is left').toEqual([]);
    expect((await hypervisor.resume(run(1), wanted())).outcome).toBe('done');
    expect(await hypervisor.inspect(run(1))).toEqual({ reality: 'running', ready: true });
    expect((await hypervisor.pause(run(1), wanted())).outcome).toBe('done');
    expect(await hypervisor.snapshot(run(1), { snapshot: 'named' }, wanted())).toMatchObject(full);
    expect((await hypervisor.resume(run(1), wanted())).outcome, 'its VMM has given up, too').toBe('done');
    const other = { instance: '01savingfaultsother0000000', run: 1 };
    expect(await hypervisor.boot(world.spec(other), wanted())).toMatchObject(full);
    rmSync(filler());
  });

  rule('that was saved, and cannot be put into its place, goes on and is saved then', async () => {
    const hypervisor = scene.current();
    expect((await hypervisor.pause(run(1), wanted())).outcome).toBe('done');
    // Nothing takes the place of a directory on which a disk is mounted.
    mkdirSync(place('named'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'statevisor-test', place('named')]);
    const save = () => hypervisor.snapshot(run(1), { snapshot: 'named' }, wanted());
    expect(await save()).toMatchObject({ outcome: 'failed', error: { code: 'storage_failed' } });
    execFileSync('umount', [place('named')]);
    expect(readdirSync(snapshots()), 'nothing half made is left').toEqual(['named']);
    const again = { code: 'save_failed', message: expect.stringContaining('has to go on') };
    expect(await save(), 'its VMM has sent it, and sends it once').toEqual({ outcome: 'failed', error: again });
    expect(await (await scene.reopen()).adopt(run(1)), 'also to a later daemon').toEqual({ reality: 'paused' });
    const later = scene.current();
    expect((await later.resume(run(1), wanted())).outcome).toBe('done');
    expect(await later.inspect(run(1))).toEqual({ reality: 'running', ready: true });
    expect(await world.guest.remembers(run(1), 'sound')).toBe(true);
    expect((await later.pause(run(1), wanted())).outcome).toBe('done');
    expect(await later.snapshot(run(1), { snapshot: 'named' }, wanted())).toEqual({ outcome: 'done', result: null });
    expect((await later.resume(run(1), wanted())).outcome).toBe('done');
    expect(await names()).toEqual(['named']);
    await drop('named');
  });

  rule('cannot be saved in time, which is said, and runs on', async () => {
    const hypervisor = scene.current();
    expect((await hypervisor.pause(run(1), wanted())).outcome).toBe('done');
    isHurried = true;
    expect(await hypervisor.snapshot(run(1), { snapshot: 'sound', takes_memory: true }, wanted())).toEqual({
      outcome: 'failed',
      error: { code: 'timed_out', message: `the guest was not saved within ${SAVE_LIMIT_MS} ms` },
    });
    isHurried = false;
    expect(readdirSync(snapshots())).toEqual([]);
    expect((await hypervisor.resume(run(1), wanted())).outcome).toBe('done');
    expect(await hypervisor.inspect(run(1))).toEqual({ reality: 'running', ready: true });
  });

  rule('is saved where there is room, and what a daemon that died had half made is swept', async () => {
    const hypervisor = scene.current();
    mkdirSync(place('.new-dead'), { recursive: true });
    writeFileSync(join(place('.new-dead'), 'state'), 'half');
    expect(await names()).toEqual([]);
    expect((await hypervisor.pause(run(1), wanted())).outcome).toBe('done');
    const as = { snapshot: 'sound', takes_memory: true };
    expect(await hypervisor.snapshot(run(1), as, wanted())).toEqual({ outcome: 'done', result: null });
    expect((await hypervisor.kill(run(1), wanted())).outcome).toBe('done');
    expect(readdirSync(snapshots())).toEqual(['sound']);
    expect(existsSync(join(runDirectory(world.root, run(1)), 'memory')), 'its memory is the snapshot’s now').toBe(
      false,
    );
    expect(statSync(join(place('sound'), 'memory')).nlink).toBe(1);
  });

  rule('is copied for a guest to run on with all the room of its memory, or not at all', async () => {
    await copy('kept');
    const kept = memoryOf('kept');
    expect(kept.taken, 'what is only kept has holes').toBeLessThan(kept.bytes);
    await drop('kept');
    const toRunOn = () =>
      scene
        .current()
        .copySnapshot(INSTANCE, { snapshot: 'sound' }, { snapshot: 'run-1-on', to_run_on: true }, wanted());
    fillDisk(kept.taken + ROOM_FOR_STATE_BYTES);
    expect(await toRunOn(), 'its guest could be killed by its first step').toMatchObject({
      outcome: 'failed',
      error: { code: 'disk_full' },
    });
    rmSync(filler());
    expect(readdirSync(snapshots())).toEqual(['sound']);
    expect((await toRunOn()).outcome).toBe('done');
    expect(memoryOf('run-1-on').taken).toBeGreaterThanOrEqual(kept.bytes);
    await drop('run-1-on');
  });

  rule('is refused on another machine', async () => {
    await expectRefused(2, 'sound', 'snapshot_mismatch', { memory_bytes: 160 * MIB });
    await expectRefused(2, 'sound', 'snapshot_mismatch', { vcpus: 2 });
  });

  rule('is there still when a port of the host that it had is taken by something else', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const network = { mode: 'user' as const, ports: [{ host_port: port, guest_port: 80 }] };
    await expectRefused(2, 'sound', 'port_in_use', { network });
    server.close();
  });

  rule('is refused when its memory was changed unseen, where memory is hashed', async () => {
    await copy('flipped');
    const path = join(place('flipped'), 'memory');
    flipByte(path, 64 * MIB);
    const mtime_ns = String(statSync(path, { bigint: true }).mtimeNs);
    changeManifest(place('flipped'), (one) => ({ ...one, memory: { ...one.memory, mtime_ns } }));
    await expectRefused(2, 'flipped', 'memory_altered');
    await drop('flipped');
  });

  /** A state that its manifest agrees with, and no VMM. */
  const replaceState = (name: string, state: Buffer): void => {
    writeFileSync(join(place(name), 'state'), state);
    const sha256 = createHash('sha256').update(state).digest('hex');
    changeManifest(place(name), (one) => ({ ...one, state: { bytes: state.length, sha256 } }));
  };

  rule('is there still after a VMM has refused its state, or was never done with taking it', async () => {
    await copy('broken');
    const state = readFileSync(join(place('broken'), 'state'));
    replaceState('broken', state.subarray(0, state.length / 2));
    await expectRefused(2, 'broken', 'restore_failed');
    await drop('broken');
    writeFileSync(stalls(), '');
    isLoadedInVain = true;
    await expectRefused(2, 'sound', 'timed_out');
    isLoadedInVain = false;
  });

  rule('is there still, and whole, after a VMM has loaded it and does not let its guest go', async () => {
    writeFileSync(stalls(), 'cont');
    const seen: string[] = [];
    let isOver = false;
    const refused = expectRefused(2, 'sound', 'qmp_refused').finally(() => {
      isOver = true;
    });
    // Whoever looks meanwhile must not take the run for one that has ended, whose memory nobody needs.
    await untilTrue(async () => {
      seen.push((await scene.current().inspect(run(2))).reality);
      return isOver;
    }, 'the refusal');
    await refused;
    expect(seen).not.toContain('ended');
    expect(readdirSync(place('sound')).sort()).toEqual(['manifest.json', 'memory', 'state']);
    writeFileSync(stalls(), '');
  });

  rule('is there still when the daemon dies before its guest was let go', async () => {
    const pending = restore(2, 'sound');
    await untilTrue(async () => (await world.pids()).length === 1, 'a VMM waits for the guest');
    const later = await scene.reopen();
    expect(await later.inspect(run(2)), 'it was never let go, so there is no such run').toEqual({ reality: 'none' });
    expect(await world.pids(), 'and no VMM').toEqual([]);
    expect(await names()).toEqual(['sound']);
    expect((await pending).outcome, 'what the former daemon would have said').toBe('failed');
    rmSync(stalls());
    expect(await restore(2, 'sound'), 'the same run may be restored').toMatchObject({ outcome: 'done' });
    expect(await world.guest.remembers(run(2), 'sound')).toBe(true);
    expect(await names()).toEqual([]);
  });

  rule('stands still for a later daemon when the one that woke it died over it', async () => {
    expect((await scene.current().pause(run(2), wanted())).outcome).toBe('done');
    const later = await scene.reopen();
    expect(await later.adopt(run(2))).toEqual({ reality: 'paused' });
    expect((await later.resume(run(2), wanted())).outcome).toBe('done');
    expect(await later.inspect(run(2))).toEqual({ reality: 'running', ready: true });
    expect((await later.kill(run(2), wanted())).outcome).toBe('done');
    const left = execFileSync('find', [join(world.root, 'instances'), '-name', 'memory']).toString();
    expect(left, 'the memory of an ended run takes no room').toBe('');
  });
});
