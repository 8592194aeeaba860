import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import { buildDemoImage } from '../../../src/adapters/qemu/image/build-demo.ts';
import { bootReady, openScene, type Scene, wanted } from '../../contracts/hypervisor.world.ts';
import { type Namespace, openNamespace } from '../bridge/namespace.ts';
import { makeQemuWorld, type QemuWorld } from '../qemu.world.ts';

/**
 * Goal: a fork is never met under the addresses of the guest it is a copy of. Method: both on one bridge in a namespace, the
 * first one running; who answers where is asked from the bridge.
 */

const LIMIT_MS = 90_000;
const BRIDGE = 'svfork0';
const GATEWAY = '10.92.0.1';
const ONE = { instance: '01forkone0000000000000000', run: 1 };
const TWO = { instance: '01forktwo0000000000000000', run: 1 };
const SNAPSHOT = 'kept';

const networkOf = (number: number) => ({
  mode: 'bridge' as const,
  tap: `svforktap${number}`,
  mac: `02:53:0a:5c:00:0${number}`,
  address: `10.92.0.${number}`,
  prefix: 24,
  gateway: GATEWAY,
  address6: `fd92::${number}`,
  prefix6: 64,
  gateway6: 'fd92::1',
});

describe('a fork on a bridge', () => {
  const images = mkdtempSync(join(tmpdir(), 'statevisor-forks-'));
  let place: Namespace;
  let world: QemuWorld;
  let scene: Scene;
  let boot: string;
  const bootOf = async (address: string): Promise<string> => {
    const asked = `process.stdout.write(await (await fetch('http://${address}/cgi-bin/now')).text())`;
    const told = await place.run(process.execPath, '--input-type=module', '--eval', asked);
    return told.trim().split(' ')[2] ?? '';
  };
  const neighbour = async (address: string): Promise<string> => {
    const told = JSON.parse(await place.run('ip', '-json', 'neigh', 'show', address)) as { lladdr?: string }[];
    return told[0]?.lladdr ?? '';
  };

  beforeAll(async () => {
    await buildDemoImage({ imagesDirectory: images, clock: systemClock() });
    place = await openNamespace();
    await place.run('ip', 'link', 'add', BRIDGE, 'type', 'bridge');
    await place.run('ip', 'address', 'add', `${GATEWAY}/24`, 'dev', BRIDGE);
    await place.run('ip', 'link', 'set', BRIDGE, 'up');
    for (const number of [2, 3]) {
      const { tap } = networkOf(number);
      await place.run('ip', 'tuntap', 'add', 'dev', tap, 'mode', 'tap');
      await place.run('ip', 'link', 'set', tap, 'master', BRIDGE, 'up');
    }
    const binary = join(images, 'qemu-system-in-namespace');
    writeFileSync(binary, `#!/bin/sh\nexec ${place.enter.join(' ')} qemu-system-x86_64 "$@"\n`, { mode: 0o755 });
    world = await makeQemuWorld(images, { binary });
    scene = openScene({ ...world, spec: (ref, changes) => world.spec(ref, { network: networkOf(2), ...changes }) });
    await bootReady(scene, ONE);
    // The kernel makes the id of its boot up when it is first asked for it.
    boot = await bootOf(networkOf(2).address);
    expect((await scene.current().pause(ONE, wanted())).outcome).toBe('done');
    expect((await scene.current().snapshot(ONE, { snapshot: SNAPSHOT }, wanted())).outcome).toBe('done');
    expect((await scene.current().resume(ONE, wanted())).outcome).toBe('done');
    const fork = scene.current().forkSnapshot({ ...ONE, snapshot: SNAPSHOT }, { ...TWO, snapshot: SNAPSHOT }, wanted());
    expect((await fork).outcome).toBe('done');
  }, LIMIT_MS);
  afterAll(async () => {
    await world.destroy();
    await place.close();
    rmSync(images, { recursive: true, force: true });
  }, LIMIT_MS);

  const wake = () =>
    scene.current().restore(world.spec(TWO, { network: networkOf(3) }), { snapshot: SNAPSHOT }, wanted());

  it('is not woken where its image cannot give it addresses of its own, and stays what it was', {
    timeout: LIMIT_MS,
  }, async () => {
    const path = join(images, 'demo', 'manifest.json');
    const text = readFileSync(path, 'utf8');
    const { identity_command, ...without } = JSON.parse(text) as Record<string, unknown>;
    const failure = (code: string) => ({ outcome: 'failed', error: { code } });
    writeFileSync(path, JSON.stringify(without));
    expect(await wake()).toMatchObject(failure('identity_not_changeable'));
    writeFileSync(path, JSON.stringify({ ...without, identity_command: '/bin/false' }));
    expect(await wake(), 'it ran for a moment, on a copy and without a link').toMatchObject(
      failure('identity_refused'),
    );
    writeFileSync(path, text);
    expect(identity_command).toBe('/bin/identity');
    expect(await world.countVmms(TWO.instance)).toBe(0);
    expect(await scene.current().inspect(TWO)).toEqual({ reality: 'none' });
    expect(readdirSync(join(world.root, 'instances', TWO.instance, 'snapshots'))).toEqual([SNAPSHOT]);
  });

  it('is met at its own addresses only, while the other one runs on at those they had in common', {
    timeout: LIMIT_MS,
  }, async () => {
    expect(await wake()).toEqual({ outcome: 'done', result: expect.anything() });
    expect(boot).not.toBe('');
    for (const address of ['10.92.0.2', '10.92.0.3']) expect(await bootOf(address), address).toBe(boot);
    expect(await neighbour('10.92.0.2')).toBe(networkOf(2).mac);
    expect(await neighbour('10.92.0.3')).toBe(networkOf(3).mac);
    expect(await world.countVmms(ONE.instance)).toBe(1);
  });
});
