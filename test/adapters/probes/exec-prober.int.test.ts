import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import type { ProbeResult } from '../../../src/actors/contracts/probe.ts';
import { createExecProber } from '../../../src/adapters/probes/exec-prober.ts';
import { buildDemoImage } from '../../../src/adapters/qemu/image/build-demo.ts';
import { untilTrue, wanted as wantedEffect } from '../../contracts/hypervisor.world.ts';
import { checkOf, wanted } from '../../contracts/prober.world.ts';
import { temporaryDirectory } from '../../left-processes.ts';
import { makeQemuWorld, type QemuWorld } from '../qemu.world.ts';

/** A program run by the agent of a real guest: what it does is the workload's word, what the agent does not do is nobody's. */

const REF = { instance: '01execprobe0000000000000000', run: 1 };
const AGENT_BACK_LIMIT_MS = 45_000;
const STRANGER = { instance: '01nobody000000000000000000', run: 1 };

describe('a program in a real guest', () => {
  const images = temporaryDirectory('statevisor-exec-');
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
  /** What becomes of a program that a guest has taken. One that is slow to take it has said nothing, and is asked again. */
  const becomesOf = async (command: string[], timeout_ms: number): Promise<ProbeResult> => {
    const answers: ProbeResult[] = [];
    const isTaken = async (): Promise<boolean> => {
      answers.unshift(await ask(command, { timeout_ms }));
      return answers[0]!.result !== 'unavailable';
    };
    await untilTrue(isTaken, 'the guest takes the command', AGENT_BACK_LIMIT_MS);
    return answers[0]!;
  };
  const failed = (error: string): ProbeResult => ({ result: 'failed', error });

  it('passes when it ends with 0, and fails with its exit status otherwise', async () => {
    expect(await ask(['true'])).toEqual({ result: 'passed' });
    expect(await ask(['sh', '-c', 'exit 3'])).toEqual(failed('exit status 3'));
    expect(await ask(['no-such-program'])).toEqual(failed('exit status 127 (no such program)'));
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

  it('fails where a program cannot be begun, with the status that a shell gives it', async () => {
    expect(await ask(['/www/health'])).toEqual(failed('exit status 126 (cannot be run, or no such directory)'));
    expect(await ask(['true'], { working_dir: '/www/health' })).toEqual(
      failed('exit status 126 (cannot be run, or no such directory)'),
    );
  });

  it('fails when it does not end in time, is ended in the guest with all that it began, and the next one is run', async () => {
    const begins = 'tail -f /dev/null & tail -f /dev/null & (tail -f /dev/null); true';
    expect(await becomesOf(['sh', '-c', begins], 900)).toEqual(failed('the command did not end in time'));
    // What was killed is there until somebody has taken note of it.
    const gone = 'for n in $(seq 50); do pidof tail || exit 0; sleep 0.1; done; exit 1';
    expect(await ask(['sh', '-c', gone], { timeout_ms: 30_000 })).toEqual({ result: 'passed' });
  });

  it('fails each time that it hangs, however soon it is run again', async () => {
    const hung = () => ask(['tail', '-f', '/dev/null'], { timeout_ms: 3_000 });
    const answers = [await hung(), await hung(), await hung()];
    expect(answers).toEqual(answers.map(() => failed('the command did not end in time')));
  });

  it('may write without an end: it is ended when its time is up', async () => {
    expect(await becomesOf(['yes'], 1_500)).toEqual(failed('the command did not end in time'));
    expect(await ask(['sh', '-c', 'yes | head -c 300000; yes | head -c 300000 >&2'])).toEqual({ result: 'passed' });
  });

  it('cannot be asked for, of a guest that this host does not watch, nor of one without an agent', async () => {
    expect(await ask(['true'], { of: STRANGER })).toMatchObject({ result: 'unavailable' });
  });

  it('cannot be asked for while the agent hangs, and can when it goes on', async () => {
    await ask(['sh', '-c', 'setsid sh -c "sleep 2; kill -CONT $(pidof agent)" & kill -STOP $(pidof agent)'], {
      timeout_ms: 500,
    });
    expect(await ask(['true'], { timeout_ms: 500 })).toMatchObject({ result: 'unavailable' });
    expect(await ask(['true'])).toEqual({ result: 'passed' });
  });

  it('says nothing when the agent dies in the middle of it, and another agent is asked', async () => {
    const killed = await ask(['sh', '-c', 'kill -KILL $(pidof agent); exec tail -f /dev/null']);
    expect(killed).toEqual({ result: 'unavailable', error: 'the guest agent or the connection to it was lost' });
    await untilPasses(['true']);
  });

  it('cannot be asked for while there is no agent, and can when it is back', async () => {
    const away = 'mv /bin/agent /bin/away; setsid sh -c "sleep 3; mv /bin/away /bin/agent" & kill -KILL $(pidof agent)';
    expect(await ask(['sh', '-c', away])).toMatchObject({ result: 'unavailable' });
    expect(await ask(['true'])).toEqual({ result: 'unavailable', error: 'the guest agent is not there' });
    await untilPasses(['true']);
  });

  it('cannot be asked for of an agent that writes rubbish without an end, and can when that is gone', async () => {
    const rubbish = '#!/bin/sh\nexec yes rubbish >/run/agent-port\n';
    const back = 'sleep 3; mv /bin/away /bin/agent; kill $(pidof yes)';
    const swap = 'mv /bin/agent /bin/away; printf "$1" >/bin/agent; chmod 755 /bin/agent; kill -KILL $(pidof agent)';
    const answer = await ask(['sh', '-c', `setsid sh -c "$2" & ${swap}`, 'sh', rubbish, back]);
    expect(answer).toMatchObject({ result: 'unavailable' });
    await untilPasses(['true']);
  });

  async function untilPasses(command: string[]): Promise<void> {
    const answers = new Set<string>();
    await untilTrue(
      async () => answers.add((await ask(command)).result).has('passed'),
      'it passes again',
      AGENT_BACK_LIMIT_MS,
    );
    expect(answers).not.toContain('failed');
  }
});
