import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, systemRandom } from '../../../src/actors/clock.ts';
import { createQemuHypervisor } from '../../../src/adapters/qemu/hypervisor.ts';
import { buildDemoImage } from '../../../src/adapters/qemu/image/build-demo.ts';
import { openImageStore } from '../../../src/adapters/qemu/image/store.ts';
import { listRuns } from '../../../src/adapters/qemu/run-directory.ts';
import { bootReady, bootRun, observedEnd, openScene, type Scene, wanted } from '../../contracts/hypervisor.world.ts';
import { temporaryDirectory } from '../../left-processes.ts';
import { makeQemuWorld, type QemuWorld } from '../qemu.world.ts';
import { resetWhilePaused } from './reset-while-paused.ts';

const images = temporaryDirectory('statevisor-images-');
const REF = { instance: '01qemufaults00000000000000', run: 1 };
const LIMIT_MS = 90_000;
const TOO_MUCH_BYTES = 2 ** 50;

/** An image with the demo's parts and another ready rule. */
function variant(name: string, ready: string): void {
  const manifest: object = JSON.parse(readFileSync(join(images, 'demo/manifest.json'), 'utf8'));
  const parts = { kernel: join(images, 'demo/kernel'), initrd: join(images, 'demo/initrd') };
  mkdirSync(join(images, name));
  writeFileSync(join(images, name, 'manifest.json'), JSON.stringify({ ...manifest, ...parts, name, ready }));
}

beforeAll(async () => {
  await buildDemoImage({ imagesDirectory: images, clock: systemClock() });
  variant('by-port', 'port:80');
  variant('by-console', 'console:guest is ready$');
  variant('at-once', 'immediate');
  variant('never', 'console:no guest ever says this');
});
afterAll(() => rmSync(images, { recursive: true, force: true }));

function rule(name: string, check: (scene: Scene, world: QemuWorld) => Promise<void>, overrides = {}): void {
  const run = async (): Promise<void> => {
    const world = await makeQemuWorld(images, overrides);
    try {
      await check(openScene(world), world);
    } finally {
      await world.destroy();
    }
  };
  it(name, run, LIMIT_MS);
}

const failure = async (scene: Scene, changes = {}): Promise<{ code: string; message: string }> => {
  const outcome = await scene.current().boot(scene.world.spec(REF, changes), wanted());
  if (outcome.outcome !== 'failed') throw new Error(`not failed: ${JSON.stringify(outcome)}`);
  expect(await scene.world.countVmms(REF.instance), 'a failed boot leaves no VMM').toBe(0);
  expect(scene.seen(REF, 'vmm.exited'), 'and no end is observed').toEqual([]);
  return outcome.error;
};

describe('a boot that fails', () => {
  rule(
    'names the hypervisor that is missing, and the run was never taken',
    async (scene, world) => {
      expect(await failure(scene)).toMatchObject({ code: 'hypervisor_missing' });
      expect(listRuns(world.root, REF.instance)).toEqual([]);
    },
    { binary: '/nonexistent/qemu-system-x86_64' },
  );

  rule('tells the one line in which QEMU refused, and is not repeated under the same run', async (scene) => {
    const error = await failure(scene, { memory_bytes: TOO_MUCH_BYTES });
    expect(error.code).toBe('spawn_failed');
    expect(error.message).toMatch(/memory/);
    expect(await scene.current().inspect(REF)).toMatchObject({ reality: 'ended', reason: 'crashed' });
    expect((await scene.current().boot(scene.world.spec(REF), wanted())).outcome).toBe('unknown');
  });

  rule('is not tried with less memory than the image needs, and the run was never taken', async (scene, world) => {
    const error = { code: 'memory_too_small', message: 'image demo needs at least 96MB of memory, not 64MB' };
    const [size, image] = [64 * 1024 ** 2, 'demo'];
    expect(await failure(scene, { memory_bytes: size })).toEqual(error);
    expect(await scene.current().checkImage(image, size)).toEqual(error);
    expect(listRuns(world.root, REF.instance)).toEqual([]);
  });

  rule('tells that a host port is in use', async (scene, world) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const taken = typeof address === 'object' && address !== null ? address.port : 0;
    const network = { mode: 'user' as const, ports: [{ host_port: taken, guest_port: 80 }] };
    expect(await failure(scene, { network })).toEqual({
      code: 'port_in_use',
      message: `port ${taken} of this host is taken by something else`,
    });
    await new Promise((resolve) => server.close(resolve));
    expect((await scene.current().remove(REF.instance)).outcome).toBe('done');
    expect(listRuns(world.root, REF.instance)).toEqual([]);
  });
});

describe('a guest is ready', () => {
  rule('when its port answers or its console says so, as its image tells', async (scene) => {
    const refs = ['by-port', 'by-console'].map((image) => ({
      ref: { instance: image.replace('-', ''), run: 1 },
      image,
    }));
    for (const { ref, image } of refs) {
      expect((await scene.current().boot(scene.world.spec(ref, { image }), wanted())).outcome).toBe('done');
      expect(await scene.current().inspect(ref)).toEqual({ reality: 'running', ready: false });
    }
    for (const { ref } of refs) await scene.until(() => scene.seen(ref, 'guest.ready').length === 1, ref.instance);
  });

  rule('at once, or never, as its image tells', async (scene) => {
    const [now, never] = [REF, { instance: '01never0000000000000000000', run: 1 }];
    expect((await scene.current().boot(scene.world.spec(now, { image: 'at-once' }), wanted())).outcome).toBe('done');
    await scene.until(() => scene.seen(now, 'guest.ready').length === 1, 'ready at once');
    expect((await scene.current().boot(scene.world.spec(never, { image: 'never' }), wanted())).outcome).toBe('done');
    const booted = async (): Promise<boolean> =>
      /guest is ready/.test((await scene.current().readLog(never, 'console', null, 100_000)).text);
    await scene.until(booted, 'the guest has booted');
    expect(await scene.current().inspect(never)).toEqual({ reality: 'running', ready: false });
    expect(scene.seen(never, 'guest.ready')).toEqual([]);
    expect((await scene.current().kill(never, wanted())).outcome).toBe('done');
  });
});

describe('a VMM', () => {
  rule('that was seen to be told to quit has quit, even if its event log is lost', async (scene, world) => {
    await bootRun(scene, REF);
    rmSync(join(world.root, 'instances', REF.instance, 'runs/1/events.log'));
    expect(await scene.current().kill(REF, wanted())).toMatchObject({ outcome: 'done', ended: { reason: 'quit' } });
    expect(scene.seen(REF, 'vmm.exited'), 'the end is observed before the kill is answered').toHaveLength(1);
  });

  rule('that lives keeps later runs of its instance from booting', async (scene, world) => {
    await bootRun(scene, REF);
    const next = world.spec({ ...REF, run: 2 });
    expect(await scene.current().boot(next, wanted())).toMatchObject({
      outcome: 'failed',
      error: { code: 'still_running' },
    });
    expect(await world.countVmms(REF.instance)).toBe(1);
    expect((await scene.current().kill(REF, wanted())).outcome).toBe('done');
    expect((await scene.current().boot(next, wanted())).outcome, 'until it has ended').toBe('done');
  });

  rule('whose monitor is gone is unreachable, and a kill ends it all the same', async (scene, world) => {
    await bootRun(scene, REF);
    rmSync(join(world.root, 'instances', REF.instance, 'runs/1/qmp.sock'));
    const after = await scene.reopen();
    expect(await after.inspect(REF)).toMatchObject({ reality: 'unreachable' });
    expect(await after.adopt(REF)).toMatchObject({ reality: 'unreachable' });
    expect(await after.pause(REF, wanted())).toMatchObject({ outcome: 'failed', error: { code: 'qmp_unreachable' } });
    expect(await after.kill(REF, wanted())).toMatchObject({ outcome: 'done', ended: { reason: 'killed' } });
    expect(await world.countVmms(REF.instance)).toBe(0);
    expect((await observedEnd(scene, REF)).reason).toBe('killed');
  });

  rule('that is frozen is killed within limits', async (scene, world) => {
    await bootRun(scene, REF);
    const after = await scene.reopen();
    for (const pid of await world.pids(REF.instance)) process.kill(pid, 'SIGSTOP');
    expect(await after.kill(REF, wanted())).toMatchObject({ outcome: 'done', ended: { reason: 'killed' } });
    expect(await world.countVmms(REF.instance)).toBe(0);
  });

  rule('that aborts has crashed, one that is asked to terminate was killed', async (scene, world) => {
    const signals = [
      { ref: { ...REF, run: 1 }, signal: 'SIGABRT', reason: 'crashed' },
      { ref: { ...REF, run: 2 }, signal: 'SIGTERM', reason: 'killed' },
    ] as const;
    for (const { ref, signal, reason } of signals) {
      await bootRun(scene, ref);
      for (const pid of await world.pids(REF.instance)) process.kill(pid, signal);
      expect((await observedEnd(scene, ref)).reason).toBe(reason);
    }
    expect(listRuns(world.root, REF.instance), 'both runs can still be told about').toEqual([1, 2]);
  });

  rule(
    'runs under a path that is longer than a socket address',
    async (scene) => {
      await bootRun(scene, REF);
      expect(await scene.current().inspect(REF)).toMatchObject({ reality: 'running' });
    },
    { directory: join('long-'.repeat(20), 'long-'.repeat(20)) },
  );
});

describe('a VMM whose daemon was killed', () => {
  rule('runs on as the same process, and is found and ended by the next daemon', async (scene, world) => {
    const program = join(import.meta.dirname, 'daemon.process.ts');
    const daemon = spawn(process.execPath, [program, world.root, images, REF.instance, String(REF.run)]);
    const [line] = await once(daemon.stdout, 'data');
    expect(JSON.parse(String(line))).toMatchObject({ outcome: 'done' });
    const pids = await world.pids(REF.instance);
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');

    expect(await scene.current().adopt(REF)).toEqual({ reality: 'running', ready: false });
    await scene.until(() => scene.seen(REF, 'guest.ready').length === 1, 'the guest booted on and is ready');
    expect(await world.pids(REF.instance)).toEqual(pids);
    expect((await scene.current().shutdown(REF, wanted())).outcome).toBe('done');
    expect(await observedEnd(scene, REF)).toMatchObject({ reason: 'power_off' });
  });
});

describe('a VMM whose supervisor was killed', () => {
  /** Ends the parent of each VMM of the run, which is its supervisor. */
  const killSupervisor = async (world: QemuWorld): Promise<void> => {
    for (const pid of await world.pids(REF.instance)) {
      const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      process.kill(Number(parent), 'SIGKILL');
    }
  };

  rule('runs on, and what QEMU told about its end is still known', async (scene, world) => {
    await bootRun(scene, REF);
    await killSupervisor(world);
    expect(await scene.current().inspect(REF)).toMatchObject({ reality: 'running' });
    expect(await scene.current().kill(REF, wanted())).toMatchObject({ outcome: 'done', ended: { reason: 'quit' } });
    expect(await observedEnd(scene, REF)).toMatchObject({ reason: 'quit' });
  });

  rule('and that was then killed too has ended in an unknown way', async (scene, world) => {
    await bootRun(scene, REF);
    await killSupervisor(world);
    await world.vmm.sigkill(REF);
    expect(await observedEnd(scene, REF)).toMatchObject({ reason: 'unknown', ended_at: null });
  });
});

describe('a data directory that was moved while no daemon ran', () => {
  rule(
    'brings its VMs along: they are adopted and ended under the new path',
    async (scene, world) => {
      await bootRun(scene, REF);
      await scene.current().close();
      const directory = `${world.root}-moved`;
      renameSync(world.root, directory);
      const random = systemRandom();
      const moved = createQemuHypervisor({ images: openImageStore(images), clock: systemClock(), random, directory });
      expect(await moved.adopt(REF)).toMatchObject({ reality: 'running' });
      expect(await moved.kill(REF, wanted())).toMatchObject({ outcome: 'done', ended: { reason: 'quit' } });
      expect(await moved.inspect(REF)).toMatchObject({ reality: 'ended', reason: 'quit' });
      await moved.close();
    },
    { directory: 'data' },
  );
});

describe('the demo guest', () => {
  rule('serves its doors', async (scene, world) => {
    await bootReady(scene, REF);
    expect(await world.ask(REF, '/health')).toEqual({ status: 200, text: 'ok' });
    await world.ask(REF, '/cgi-bin/sick');
    expect((await world.ask(REF, '/health')).status).toBe(404);
    await world.ask(REF, '/cgi-bin/well');
    expect((await world.ask(REF, '/health')).status).toBe(200);
    expect(await world.echo(REF, 'hello\n')).toBe('hello\n');
    expect(await world.command(REF, 'echo out; echo err >&2; exit 5')).toEqual({ code: 5, output: 'out\nerr\n' });
    expect(await world.command(REF, 'ip route | head -n 1')).toMatchObject({
      code: 0,
      output: expect.stringContaining('default via 10.0.2.2'),
    });
    expect((await scene.current().readLog(REF, 'console', null, 10_000)).text).toMatch(/demo guest is ready/);
  });

  rule('that rebooted while nobody watched is found rebooted, once, and paused when it is', async (scene, world) => {
    await bootReady(scene, REF);
    await scene.current().close();
    await world.guest.reboot(REF);
    const log = join(world.root, 'instances', REF.instance, 'runs/1/events.log');
    await scene.until(() => /"RESET"/.test(readFileSync(log, 'utf8')), 'the reset is in the event log');
    const after = await scene.reopen();
    expect(await after.adopt(REF)).toMatchObject({ reality: 'running', rebooted: true });
    expect((await after.pause(REF, wanted())).outcome).toBe('done');
    await after.close();
    await resetWhilePaused(join(world.root, 'instances', REF.instance, 'runs/1'));
    const third = await scene.reopen();
    expect(await third.adopt(REF)).toEqual({ reality: 'paused' });
    expect((await third.resume(REF, wanted())).outcome).toBe('done');
    expect(await third.inspect(REF), 'told once').toEqual({ reality: 'running', ready: true });
  });
});
