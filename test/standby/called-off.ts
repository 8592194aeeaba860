import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/actors/clock.ts';
import type { EffectControl, RunRef } from '../../src/actors/contracts/hypervisor.ts';
import { buildDemoImage } from '../../src/adapters/qemu/image/build-demo.ts';
import { makeQemuWorld } from '../adapters/qemu.world.ts';
import { bootReady, openScene, wanted } from '../contracts/hypervisor.world.ts';

/**
 * A long check: saving a real guest, and then waking it, is withdrawn a few milliseconds later each time, until it is done
 * before that. A guest whose save was called off runs on and has no snapshot; one whose waking was sleeps on in its own.
 */

const INSTANCE = '01calledoff0000000000000000';
const AS = { snapshot: 'asleep', takes_memory: true };
const SAVE_STEP_MS = 2;
const WAKE_STEP_MS = 15;
/** Done so many times before it was withdrawn: later than that nothing new is met. */
const DONE_MAX = 3;
const TRIES_MAX = 60;
/** A slow machine is not done by then: from there on the steps are longer. */
const FINE_TRIES = 40;
const COARSE = 10;

const clock = systemClock();

function withdrawnAfter(delayMs: number): EffectControl {
  const over = new AbortController();
  clock.after(delayMs, () => over.abort());
  return { effect: `${INSTANCE}/1/0`, signal: over.signal, stillWanted: () => !over.signal.aborted };
}

/** Calls it off after 0, `stepMs`, twice that, ... milliseconds. Answers how often that came in time. */
async function atEachMoment(stepMs: number, act: (control: EffectControl) => Promise<boolean>): Promise<number> {
  let [calledOff, done] = [0, 0];
  for (let tries = 0; tries < TRIES_MAX && done < DONE_MAX; tries++) {
    if (await act(withdrawnAfter(tries * stepMs * (tries < FINE_TRIES ? 1 : COARSE)))) done += 1;
    else calledOff += 1;
  }
  assert.ok(done > 0, `in ${TRIES_MAX} tries none came to its end`);
  return calledOff;
}

const images = mkdtempSync(join(tmpdir(), 'statevisor-images-'));
await buildDemoImage({ imagesDirectory: images, clock });
const world = await makeQemuWorld(images);
const scene = openScene(world);
const hypervisor = scene.current();
let run: RunRef = { instance: INSTANCE, run: 1 };

const kept = async (): Promise<string[]> => (await hypervisor.listSnapshots(INSTANCE)).map(({ snapshot }) => snapshot);
const isDone = async (outcome: Promise<{ readonly outcome: string }>): Promise<void> => {
  const settled = await outcome;
  assert.equal(settled.outcome, 'done', JSON.stringify(settled));
};

async function save(control: EffectControl): Promise<boolean> {
  await isDone(hypervisor.pause(run, wanted()));
  const { outcome } = await hypervisor.snapshot(run, AS, control);
  assert.ok(outcome === 'done' || outcome === 'withdrawn', outcome);
  assert.deepEqual(await kept(), outcome === 'done' ? [AS.snapshot] : []);
  await isDone(hypervisor.resume(run, wanted()));
  assert.deepEqual(await kept(), [], 'a guest that goes on has no snapshot to wake from');
  assert.deepEqual(await hypervisor.inspect(run), { reality: 'running', ready: true });
  return outcome === 'done';
}

async function wake(control: EffectControl): Promise<boolean> {
  await isDone(hypervisor.pause(run, wanted()));
  await isDone(hypervisor.snapshot(run, AS, wanted()));
  await isDone(hypervisor.kill(run, wanted()));
  run = { instance: INSTANCE, run: run.run + 1 };
  const { outcome } = await hypervisor.restore(world.spec(run), AS, control);
  if (outcome === 'done') return true;
  assert.equal(outcome, 'withdrawn');
  assert.deepEqual(await kept(), [AS.snapshot]);
  assert.deepEqual(await hypervisor.inspect(run), { reality: 'none' });
  assert.equal(await world.countVmms(INSTANCE), 0);
  await isDone(hypervisor.restore(world.spec(run), AS, wanted()));
  return false;
}

try {
  await bootReady(scene, run);
  await world.guest.remember(run, 'sound');
  console.log(`saving was called off ${await atEachMoment(SAVE_STEP_MS, save)} times, and the guest ran on`);
  console.log(`waking was called off ${await atEachMoment(WAKE_STEP_MS, wake)} times, and the guest slept on`);
  assert.ok(await world.guest.remembers(run, 'sound'), 'it is the same guest');
} finally {
  await world.destroy();
  rmSync(images, { recursive: true, force: true });
}
