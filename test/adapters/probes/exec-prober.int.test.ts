import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import type { ProbeResult } from '../../../src/actors/contracts/probe.ts';
import { createExecProber } from '../../../src/adapters/probes/exec-prober.ts';
import { buildDemoImage } from '../../../src/adapters/qemu/image/build-demo.ts';
import { untilTrue, wanted as wantedEffect } from '../../contracts/hypervisor.world.ts';
import { checkOf, wanted } from '../../contracts/prober.world.ts';
import { makeQemuWorld, type QemuWorld } from '../qemu.world.ts';

/** A program run by the agent of a real guest: what it does is the workload's word, what the agent does not do is nobody's. */

const REF = { instance: '01execprobe0000000000000000', run: 1 };
const STRANGER = { instance: '01nobody000000000000000000', run: 1 };

describe('a program in a real guest', () => {
  const images = mkdtempSync(join(tmpdir(), 'statevisor-exec-'));
  let world: QemuWorld;

  beforeAll(async () => {
    await buildDemoImage({ imagesDirectory: images, clock: systemClock() });
    world = await makeQemuWorld(images);
    let isReady = false;
    world.hypervisor.observe(({ type }) => {
      isReady ||= type === 'guest.ready';
    });
    expect((await world.hypervisor.boot(world.spec(REF), wantedEffect())).outcome).toBe('done');
    await untilTrue(() => isReady, 'the guest is ready');
  });
  afterAll(async () => {
    await world.destroy();
    rmSync(images, { recursive: true, force: true });
  });

  const ask = (command: string[], more: { timeout_ms?: number; working_dir?: string; of?: typeof REF } = {}) => {
    const { timeout_ms = 10_000, working_dir, of = REF } = more;
    const target = { type: 'exec' as const, command, ...(working_dir === undefined ? {} : { working_dir }) };
    const guest = { ...of, address: null, ports: [] };
    return createExecProber({ agents: world.agents }).probe(guest, { ...checkOf(target), timeout_ms }, wanted());
  };
  const failed = (error: string): ProbeResult => ({ result: 'failed', error });

  it('passes when it ends with 0, and fails with its exit status otherwise', async () => {
    expect(await ask(['true'])).toEqual({ result: 'passed' });
    expect(await ask(['sh', '-c', 'exit 3'])).toEqual(failed('exit status 3'));
    expect(await ask(['no-such-program'])).toEqual(failed('exit status 127'));
  });

  it('is given its arguments as they are, whatever a shell would make of them', async () => {
    const strange = `it's "$HOME" \`id\` \\ ; exit 9\nsecond line`;
    expect(await ask(['sh', '-c', `[ "$(printf %s "$1" | wc -c)" = ${strange.length} ]`, 'sh', strange])).toEqual({
      result: 'passed',
    });
  });

  it('runs in its working directory, and fails where there is none', async () => {
    expect(await ask(['sh', '-c', '[ "$PWD" = /www ]'], { working_dir: '/www' })).toEqual({ result: 'passed' });
    expect((await ask(['true'], { working_dir: '/nowhere' })).result).toBe('failed');
  });

  it('fails when it does not end in time, is ended in the guest, and the next one is run', async () => {
    expect(await ask(['sleep', '300'], { timeout_ms: 900 })).toEqual(failed('the command did not end in time'));
    expect(await ask(['sh', '-c', '! pidof sleep'])).toEqual({ result: 'passed' });
  });

  it('cannot be asked for, of a guest that this host does not watch, nor of one without an agent', async () => {
    expect(await ask(['true'], { of: STRANGER })).toMatchObject({ result: 'unavailable' });
  });

  it('cannot be asked for while the agent hangs, and can when it goes on', async () => {
    await ask(['sh', '-c', '(sleep 2; kill -CONT $PPID) & kill -STOP $PPID'], { timeout_ms: 500 });
    expect(await ask(['true'], { timeout_ms: 500 })).toEqual({
      result: 'unavailable',
      error: 'the guest agent did not take the command in time',
    });
    expect(await ask(['true'])).toEqual({ result: 'passed' });
  });
});
