import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import { createCommandRunner } from '../../../src/adapters/bridge/command-runner.ts';
import { readLinks } from '../../../src/adapters/bridge/links.ts';
import { buildDemoImage } from '../../../src/adapters/qemu/image/build-demo.ts';
import { untilTrue, wanted } from '../../contracts/hypervisor.world.ts';
import { tapHolder } from '../bridge/bridge.world.ts';
import { type Namespace, openNamespace } from '../bridge/namespace.ts';
import { makeQemuWorld, type QemuWorld } from '../qemu.world.ts';

/** Between the network's look at a tap and QEMU's use of it somebody else may be quicker, or the tap may change hands. */

const REF = { instance: '01tap000000000000000000000', run: 1 };
const TAP = 'svtap0';
const network = {
  mode: 'bridge' as const,
  tap: TAP,
  mac: '02:53:0a:5b:00:02',
  address: '10.91.0.2',
  prefix: 24,
  gateway: '10.91.0.1',
  address6: 'fd91::a5b:2',
  prefix6: 64,
  gateway6: 'fd91::a5b:1',
};

describe('QEMU behind a tap', () => {
  const made = mkdtempSync(join(tmpdir(), 'statevisor-tap-'));
  let place: Namespace;
  beforeAll(async () => {
    await buildDemoImage({ imagesDirectory: made, clock: systemClock() });
    place = await openNamespace();
  });
  afterAll(async () => {
    await place.close();
    rmSync(made, { recursive: true, force: true });
  });

  /** QEMU in the namespace, as the user that is named. */
  const qemuAs = async (user: string, check: (world: QemuWorld) => Promise<void>): Promise<void> => {
    const binary = join(made, `qemu-${user}`);
    const become = user === 'root' ? '' : 'setpriv --bounding-set=-net_admin --inh-caps=-net_admin ';
    writeFileSync(binary, `#!/bin/sh\nexec ${place.enter.join(' ')} ${become}qemu-system-x86_64 "$@"\n`);
    chmodSync(binary, 0o755);
    const world = await makeQemuWorld(made, { binary });
    try {
      await check(world);
    } finally {
      await world.destroy();
    }
  };
  const failureOf = async (world: QemuWorld): Promise<unknown> => {
    const outcome = await world.hypervisor.boot(world.spec(REF, { network }), wanted());
    return outcome.outcome === 'failed' ? outcome.error.code : outcome;
  };

  it('tells that another process has the tap', async () => {
    await place.run('ip', 'tuntap', 'add', 'dev', TAP, 'mode', 'tap');
    await place.run('ip', 'link', 'set', 'dev', TAP, 'up');
    place.start(...tapHolder(TAP));
    const runner = createCommandRunner(place.enter);
    await untilTrue(async () => (await readLinks(runner)).some((link) => link.hasCarrier && link.name === TAP), 'held');
    await qemuAs('root', async (world) => {
      expect(await failureOf(world)).toBe('tap_busy');
      expect(await world.hypervisor.inspect(REF)).toMatchObject({ reality: 'ended' });
    });
  });

  it('tells that the tap is not for this user', async () => {
    await place.run('ip', 'tuntap', 'add', 'dev', 'svother0', 'mode', 'tap', 'user', '65534');
    await qemuAs('powerless', async (world) => {
      const other = { ...network, tap: 'svother0' };
      const outcome = await world.hypervisor.boot(world.spec(REF, { network: other }), wanted());
      expect(outcome).toMatchObject({ outcome: 'failed', error: { code: 'no_rights' } });
    });
  });
});
