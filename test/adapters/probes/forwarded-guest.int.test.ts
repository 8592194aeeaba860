import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import type { ProbedGuest, ProbeResult } from '../../../src/actors/contracts/probe.ts';
import { createHttpProber } from '../../../src/adapters/probes/http-prober.ts';
import { createTcpProber } from '../../../src/adapters/probes/tcp-prober.ts';
import { buildDemoImage } from '../../../src/adapters/qemu/image/build-demo.ts';
import { untilTrue, wanted as wantedEffect } from '../../contracts/hypervisor.world.ts';
import { checkOf, wanted } from '../../contracts/prober.world.ts';
import { makeQemuWorld, type QemuWorld } from '../qemu.world.ts';
import { freePort } from './guest-server.ts';

/** QEMU's user network accepts connections in the guest's name; probes are not deceived by that where they say so. */

const REF = { instance: '01forwarded0000000000000000', run: 1 };
const NOBODY = 9;

describe('a real guest behind forwarded ports', () => {
  const images = mkdtempSync(join(tmpdir(), 'statevisor-forwarded-'));
  const clock = systemClock();
  const http = createHttpProber({ clock, version: '0.0.0' });
  const tcp = createTcpProber({ clock });
  let world: QemuWorld;
  let guest: ProbedGuest;

  beforeAll(async () => {
    await buildDemoImage({ imagesDirectory: images, clock });
    world = await makeQemuWorld(images);
    const spec = world.spec(REF);
    const ports = spec.network.mode === 'user' ? spec.network.ports : [];
    const network = { mode: 'user' as const, ports: [...ports, { host_port: await freePort(), guest_port: NOBODY }] };
    guest = { ...REF, address: null, ports: network.ports };
    let isReady = false;
    world.hypervisor.observe(({ type }) => {
      isReady ||= type === 'guest.ready';
    });
    expect((await world.hypervisor.boot({ ...spec, network }, wantedEffect())).outcome).toBe('done');
    await untilTrue(() => isReady, 'the guest is ready');
  });
  afterAll(async () => {
    await world.destroy();
    rmSync(images, { recursive: true, force: true });
  });

  const askHttp = (port: number, path = '/health', timeout_ms = 10_000): Promise<ProbeResult> => {
    const check = checkOf({ type: 'http', port, path, scheme: 'http', expected_status: 200 });
    return http.probe(guest, { ...check, timeout_ms }, wanted());
  };
  const askTcp = (port: number, timeout_ms = 10_000): Promise<ProbeResult> =>
    tcp.probe(guest, { ...checkOf({ type: 'tcp', port }), timeout_ms }, wanted());

  it('passes where it listens, over http and tcp', async () => {
    expect(await askHttp(80)).toEqual({ result: 'passed' });
    expect(await askTcp(7)).toEqual({ result: 'passed' });
  });

  it('fails where it does not listen, though the connection was accepted in its name', async () => {
    expect(await askHttp(NOBODY)).toMatchObject({
      result: 'failed',
      error: expect.stringContaining('closed before an answer'),
    });
    expect(await askTcp(NOBODY)).toMatchObject({ result: 'failed', error: expect.stringContaining('closed at once') });
  });

  it('fails with the status it gives while it is sick, and passes again when it is well', async () => {
    await world.ask(REF, '/cgi-bin/sick');
    expect(await askHttp(80)).toEqual({ result: 'failed', error: 'expected status 200, got 404' });
    await world.ask(REF, '/cgi-bin/well');
    expect(await askHttp(80)).toEqual({ result: 'passed' });
  });

  it('keeps its query, which a program in the guest reads', async () => {
    expect(await askHttp(80, '/cgi-bin/slow?0')).toEqual({ result: 'passed' });
  });

  it('fails over http when it hangs, which tcp cannot tell behind a forward', async () => {
    const [pid] = await world.pids();
    process.kill(pid!, 'SIGSTOP');
    expect(await askHttp(80, '/health', 500)).toEqual({ result: 'failed', error: 'no status in time' });
    expect(await askTcp(7, 500)).toEqual({ result: 'passed' });
    process.kill(pid!, 'SIGCONT');
    expect(await askHttp(80)).toEqual({ result: 'passed' });
  });

  // Nothing brings that web server back but a reboot.
  it('fails over http when its web server hangs, while its other services answer', async () => {
    await world.ask(REF, '/cgi-bin/hang');
    await untilTrue(async () => (await askHttp(80, '/health', 1_000)).result === 'failed', 'the web server hangs');
    expect(await askHttp(80, '/health', 1_000)).toMatchObject({ result: 'failed' });
    expect(await askTcp(7)).toEqual({ result: 'passed' });
  });

  it('fails once its VMM is gone', async () => {
    await world.vmm.sigkill(REF);
    await untilTrue(async () => (await world.pids()).length === 0, 'the VMM is gone');
    // Its sockets may outlive it by a moment.
    expect((await askHttp(80)).result).toBe('failed');
    expect((await askTcp(7)).result).toBe('failed');
  });
});
