import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import type { Hypervisor, Observation } from '../../../src/actors/contracts/hypervisor.ts';
import { controlSimulator, type SimulatorControl } from '../../../src/adapters/simulator/control.ts';
import { createSimulator } from '../../../src/adapters/simulator/simulator.ts';
import { findWorldProcess, worldPaths } from '../../../src/adapters/simulator/world-place.ts';
import { untilTrue, wanted } from '../../contracts/hypervisor.world.ts';
import { heldClock } from '../../held-clock.ts';
import { specOf, temporaryPlace } from './simulator-worlds.ts';

const clock = systemClock();
const RUN = { instance: 'web', run: 1 };
const NEXT = { instance: 'web', run: 2 };
const SLOW_BOOT_MS = 7_000;
const CLIENT = fileURLToPath(new URL('client-process.ts', import.meta.url));

let place: Awaited<ReturnType<typeof temporaryPlace>>;
let control: SimulatorControl;
let hypervisors: Hypervisor[] = [];

beforeEach(async () => {
  place = await temporaryPlace();
  control = controlSimulator({ world: place, clock });
});

afterEach(async () => {
  for (const hypervisor of hypervisors) await hypervisor.close();
  hypervisors = [];
  await control.shutdownWorld().catch(() => {});
  await control.close();
  await place.remove();
});

function open(by = clock): Hypervisor & { readonly seen: Observation[] } {
  const hypervisor = createSimulator({ world: place, clock: by });
  const seen: Observation[] = [];
  hypervisor.observe((observation) => seen.push(observation));
  hypervisors.push(hypervisor);
  return { ...hypervisor, seen };
}

/** The pid of the world's process. */
function worldPid(): number {
  const identity = findWorldProcess(place.directory);
  if (identity === null) throw new Error('no world is hosted');
  return identity.pid;
}

describe('the world in its own process', () => {
  it('lives on with its runs and their pids when its client is killed in the middle of booting', async () => {
    const child = spawn(process.execPath, [CLIENT, place.directory, 'web', 'db'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const pids: unknown = JSON.parse(line.toString().split('\n')[0]!);
    const host = worldPid();
    await untilTrue(async () => (await control.countVmms('more-3')) === 1, 'the client goes on booting');
    child.kill('SIGKILL');
    await exited;

    const next = open();
    expect((await next.adopt(RUN)).reality).toBe('running');
    expect(worldPid()).toBe(host);
    const alive = await Promise.all(['web', 'db'].map(async (id) => (await control.state(id)).live[0]?.pid));
    expect(alive).toEqual(pids);
    const spawned = (await control.journal()).filter(({ type }) => type === 'vmm.spawned').length;
    expect(await next.inspect(RUN)).toMatchObject({ reality: 'running' });
    expect((await control.journal()).filter(({ type }) => type === 'vmm.spawned').length).toBe(spawned);
  });

  it('that is killed itself takes its VMMs with it: their ends are told, for an unknown reason', async () => {
    const hypervisor = open();
    await hypervisor.boot(specOf(RUN), wanted());
    process.kill(worldPid(), 'SIGKILL');
    await untilTrue(() => hypervisor.seen.some(({ type }) => type === 'vmm.exited'), 'the end is told');
    expect(hypervisor.seen.filter(({ type }) => type === 'vmm.exited')).toMatchObject([
      { ...RUN, reason: 'unknown', code: null, ended_at: null },
    ]);
    expect(await hypervisor.inspect(RUN)).toMatchObject({ reality: 'ended', reason: 'unknown' });
    expect((await hypervisor.boot(specOf(RUN), wanted())).outcome).toBe('unknown');
    expect((await hypervisor.boot(specOf(NEXT), wanted())).outcome).toBe('done');
    const types = (await control.journal()).map(({ type }) => type);
    expect(types).toEqual([
      'world.started',
      'vmm.spawned',
      'vmm.ended',
      'world.started',
      'spawn.refused',
      'vmm.spawned',
    ]);
  });

  it('is hosted once, however many look for it at the same time', async () => {
    const controls = Array.from({ length: 8 }, () => controlSimulator({ world: place, clock }));
    const bootIds = await Promise.all(controls.map(async (one) => (await one.state('web')).boot_id));
    expect(new Set(bootIds).size).toBe(1);
    const started = (await control.journal()).filter(({ type }) => type === 'world.started');
    expect(started.length).toBe(1);
    for (const one of controls) await one.close();
  });

  it('serves nothing of a former owner once a new one was welcomed', async () => {
    const boot = heldClock(SLOW_BOOT_MS);
    const former = open(boot.clock);
    await control.setFault('web', 'boot', { slow: SLOW_BOOT_MS });
    const pending = former.boot(specOf(RUN), wanted());
    await untilTrue(async () => (await former.inspect(RUN)).reality === 'starting', 'the boot has begun');
    const next = open();
    expect(await next.inspect(RUN)).toEqual({ reality: 'none' });
    boot.letGo();
    expect((await pending).outcome).toBe('failed');
    expect(await control.countVmms('web')).toBe(0);
    expect(await former.inspect(RUN)).toMatchObject({ reality: 'unreachable' });
    expect((await next.inspect(RUN)).reality).toBe('none');
  });

  it('leaves an operation unknown that it was asked for and has not answered when it dies', async () => {
    const hypervisor = open();
    await control.setFault('web', 'boot', 'hang_after');
    const pending = hypervisor.boot(specOf(RUN), wanted());
    await untilTrue(async () => (await control.countVmms('web')) === 1, 'the VMM was spawned');
    process.kill(worldPid(), 'SIGKILL');
    expect(await pending).toMatchObject({ outcome: 'unknown', error: { code: 'hypervisor_unreachable' } });
  });

  it('ends by itself when its directory is removed', async () => {
    await control.state('web');
    const pid = worldPid();
    await control.close();
    await rm(place.directory, { recursive: true });
    const gone = (): boolean => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    };
    await untilTrue(gone, 'the process of the world is gone');
  });

  it('ends a connection that talks nonsense, and goes on', async () => {
    await control.state('web');
    const nonsense = [
      'no json\n',
      '{"id":1,"request":{"op":"host_reboot"}}\n',
      '{"id":1,"hello":"god"}\n',
      `"${'x'.repeat(600_000)}`,
    ];
    for (const text of nonsense) {
      const socket = createConnection(worldPaths(place.directory).socket);
      socket.on('error', () => {});
      socket.resume();
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.write(text);
      await closed;
    }
    expect((await control.journal()).map(({ type }) => type)).toEqual(['world.started']);
    expect(await control.countVmms('web')).toBe(0);
  });

  it('is found in a directory whose path is longer than a socket’s may be', async () => {
    const directory = join(place.directory, 'd'.repeat(120));
    const deep = { ...place, directory };
    const far = controlSimulator({ world: deep, clock });
    expect(await far.countVmms('web')).toBe(0);
    await far.shutdownWorld();
  });

  it('carries ten thousand instances over one connection', async () => {
    const count = 10_000;
    const hypervisor = open();
    await control.setBootDuration('*', 10);
    const refs = Array.from({ length: count }, (_, index) => ({ instance: `vm-${index}`, run: 1 }));
    const outcomes = await Promise.all(refs.map((ref) => hypervisor.boot(specOf(ref), wanted())));
    expect(outcomes.every(({ outcome }) => outcome === 'done')).toBe(true);
    await untilTrue(() => hypervisor.seen.length === count, 'every guest is ready');
    const kills = await Promise.all(refs.map((ref) => hypervisor.kill(ref, wanted())));
    expect(kills.every((kill) => kill.outcome === 'done' && kill.ended?.reason === 'killed')).toBe(true);
    await untilTrue(() => hypervisor.seen.length === 2 * count, 'every end is told');
    expect((await control.journal()).length).toBe(3 * count + 1);
  });
});
