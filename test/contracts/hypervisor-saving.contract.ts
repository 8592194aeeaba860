import assert from 'node:assert/strict';
import { SNAPSHOT_ERRORS, type SnapshotErrorCode } from '../../src/actors/contracts/hypervisor.ts';
import type { HypervisorCheck } from './hypervisor.contract.ts';
import { bootReady, type Scene, wanted, withdrawn } from './hypervisor.world.ts';

const INSTANCE = '01hypervisorcontract000000';
const TWIN = '01hypervisorcontracttwin00';
const run = (number: number, instance = INSTANCE) => ({ instance, run: number });
/** Far more than what setting a clock takes, and than the whole second that some guests set theirs to. */
const STANDSTILL_MS = 2_500;
const CLOCK_TOLERANCE_MS = 1_000;

const names = async (scene: Scene, instance = INSTANCE): Promise<string[]> =>
  (await scene.current().listSnapshots(instance)).map(({ snapshot }) => snapshot);

async function done(outcome: Promise<{ readonly outcome: string }>, what: string): Promise<void> {
  const settled = await outcome;
  assert.equal(settled.outcome, 'done', `${what}: ${JSON.stringify(settled)}`);
}

/** Saves a paused run; with its memory, when it is to end with that. */
const save = (scene: Scene, number: number, snapshot: string, takes_memory: boolean): Promise<void> =>
  done(scene.current().snapshot(run(number), { snapshot, takes_memory }, wanted()), `saving ${snapshot}`);

const restore = (scene: Scene, ref: { instance: string; run: number }, snapshot: string) =>
  scene.current().restore(scene.world.spec(ref), { snapshot }, wanted());

const assertRemembers = async ({ world }: Scene, ref: { instance: string; run: number }, text: string): Promise<void> =>
  assert.ok(await world.guest.remembers(ref, text), `run ${ref.run} of ${ref.instance} has "${text}" in its memory`);

async function sleepsAndWakes(scene: Scene): Promise<void> {
  const { world } = scene;
  const hypervisor = scene.current();
  await bootReady(scene, run(1));
  await world.guest.remember(run(1), 'before');
  const early = await hypervisor.snapshot(run(1), { snapshot: 'early' }, wanted());
  assert.ok(early.outcome === 'failed' && early.error.code === 'not_paused', 'only what stands still is saved');
  await done(hypervisor.pause(run(1), wanted()), 'the pause');
  await save(scene, 1, 'asleep', true);
  assert.deepEqual(await hypervisor.inspect(run(1)), { reality: 'paused' }, 'a saved guest stands still');
  assert.deepEqual(await names(scene), ['asleep']);
  await done(hypervisor.kill(run(1), wanted()), 'the end of the saved run');
  assert.equal(await world.countVmms(INSTANCE), 0, 'a sleeper has no VMM');

  const after = await scene.reopen();
  assert.deepEqual(await names(scene), ['asleep'], 'a snapshot is there for a later daemon too');
  await done(restore(scene, run(2), 'asleep'), 'the restore');
  await scene.until(() => scene.seen(run(2), 'guest.ready').length > 0, 'the restored guest is told to be ready');
  assert.deepEqual(await after.inspect(run(2)), { reality: 'running', ready: true });
  assert.equal((await after.inspect(run(1))).reality, 'ended', 'it is another run');
  assert.equal(await world.countVmms(INSTANCE), 1);
  await assertRemembers(scene, run(2), 'before');
  assert.deepEqual(await names(scene), [], 'the restore has consumed it');
  await done(after.kill(run(2), wanted()), 'the end of the restored run');
  const again = await restore(scene, run(3), 'asleep');
  assert.ok(again.outcome === 'failed' && again.error.code === 'snapshot_missing', JSON.stringify(again));
  assert.equal(await world.countVmms(INSTANCE), 0);
}

async function keptOnesAreWhole(scene: Scene): Promise<void> {
  const { world } = scene;
  const hypervisor = scene.current();
  await bootReady(scene, run(1));
  await world.guest.remember(run(1), 'first');
  await done(hypervisor.pause(run(1), wanted()), 'the pause');
  await save(scene, 1, 'kept', false);
  await done(hypervisor.resume(run(1), wanted()), 'the resume');
  assert.deepEqual(await names(scene), ['kept'], 'a kept one outlives that its run goes on');
  await world.guest.remember(run(1), 'second');
  await done(hypervisor.pause(run(1), wanted()), 'the second pause');
  await save(scene, 1, 'asleep', true);
  await done(hypervisor.resume(run(1), wanted()), 'the second resume');
  assert.deepEqual(await names(scene), ['kept'], 'one that has taken the memory does not');
  await assertRemembers(scene, run(1), 'second');
  await done(hypervisor.kill(run(1), wanted()), 'the end');

  await done(hypervisor.copySnapshot(INSTANCE, { snapshot: 'kept' }, { snapshot: 'again' }, wanted()), 'the copy');
  await done(
    hypervisor.forkSnapshot({ instance: INSTANCE, snapshot: 'kept' }, { instance: TWIN, snapshot: 'kept' }, wanted()),
    'the fork',
  );
  assert.deepEqual(await names(scene), ['again', 'kept']);
  await done(restore(scene, run(2), 'again'), 'the restore of the copy');
  await done(restore(scene, run(1, TWIN), 'kept'), 'the restore of the fork');
  for (const ref of [run(2), run(1, TWIN)]) await assertRemembers(scene, ref, 'first');
  await world.guest.remember(run(1, TWIN), 'apart');
  await assertRemembers(scene, run(2), 'first');
  assert.deepEqual(await names(scene), ['kept'], 'what was copied is left as it was');
  assert.deepEqual(await names(scene, TWIN), []);
  for (const _twice of [1, 2]) await done(hypervisor.dropSnapshot(INSTANCE, { snapshot: 'kept' }), 'the drop');
  assert.deepEqual(await names(scene), []);
}

async function damagedOnesAreRefused(scene: Scene): Promise<void> {
  const { world } = scene;
  const hypervisor = scene.current();
  await bootReady(scene, run(1));
  await world.guest.remember(run(1), 'sound');
  await done(hypervisor.pause(run(1), wanted()), 'the pause');
  await save(scene, 1, 'sound', true);
  await done(hypervisor.kill(run(1), wanted()), 'the end');
  let number = 2;
  for (const code of SNAPSHOT_ERRORS) {
    const snapshot = code.replaceAll('_', '-');
    await done(hypervisor.copySnapshot(INSTANCE, { snapshot: 'sound' }, { snapshot }, wanted()), `a copy for ${code}`);
    await world.damage({ instance: INSTANCE, snapshot }, code);
    await refusesDamaged(scene, snapshot, code, number++);
  }
  await refusesWithdrawn(scene, number++);
  await done(restore(scene, run(number), 'sound'), 'the restore of the sound one');
  await assertRemembers(scene, run(number), 'sound');
}

const source = { instance: INSTANCE };
const twin = { instance: TWIN };

async function refusesDamaged(scene: Scene, snapshot: string, code: SnapshotErrorCode, number: number): Promise<void> {
  const before = await scene.current().listSnapshots(INSTANCE);
  const outcome = await restore(scene, run(number), snapshot);
  assert.ok(outcome.outcome === 'failed' && outcome.error.code === code, `${code}: ${JSON.stringify(outcome)}`);
  assert.equal(await scene.world.countVmms(INSTANCE), 0, 'no VMM is left behind');
  assert.deepEqual(await scene.current().inspect(run(number)), { reality: 'none' });
  assert.deepEqual(await scene.current().listSnapshots(INSTANCE), before, 'and the snapshot is as it was');
  const fork = await scene.current().forkSnapshot({ ...source, snapshot }, { ...twin, snapshot }, wanted());
  const to_run_on = { snapshot: 'run-1-again', to_run_on: true };
  const again = await scene.current().copySnapshot(INSTANCE, { snapshot }, to_run_on, wanted());
  for (const copy of [fork, again]) {
    assert.ok(copy.outcome === 'failed' && copy.error.code === code, `no copy to run on: ${JSON.stringify(copy)}`);
  }
  assert.deepEqual(await scene.current().listSnapshots(INSTANCE), before, 'what a guest sleeps in is not replaced');
  assert.deepEqual(await names(scene, TWIN), []);
}

async function refusesWithdrawn(scene: Scene, number: number): Promise<void> {
  const hypervisor = scene.current();
  const from = { snapshot: 'sound' };
  const before = await names(scene);
  for (const by of ['question', 'signal'] as const) {
    const gone = { outcome: 'withdrawn' };
    assert.deepEqual(await hypervisor.restore(scene.world.spec(run(number)), from, withdrawn(by)), gone);
    assert.deepEqual(await hypervisor.copySnapshot(INSTANCE, from, { snapshot: 'copy' }, withdrawn(by)), gone);
    assert.equal(await scene.world.countVmms(INSTANCE), 0);
    assert.deepEqual(await names(scene), before, 'what is withdrawn makes and consumes nothing');
  }
}

async function clockIsSet(scene: Scene): Promise<void> {
  const { world } = scene;
  const hypervisor = scene.current();
  await bootReady(scene, run(1));
  // What the guest is told is late by as long as it takes to reach it, and so is what it says: both are bounds here.
  let tookMs = 0;
  const setClock = async (): Promise<{ readonly drift: number; readonly mayBe: number }> => {
    const [askedAt, beforeMs] = [world.now(), tookMs];
    const outcome = await hypervisor.setClock(run(1), world.now(), wanted());
    if (outcome.outcome !== 'done') assert.fail(JSON.stringify(outcome));
    assert.notEqual(outcome.result.drift_ms, null, 'the guest of the contract has an agent');
    tookMs = world.now() - askedAt;
    return { drift: outcome.result.drift_ms ?? 0, mayBe: CLOCK_TOLERANCE_MS + Math.max(beforeMs, tookMs) };
  };
  const isRight = async (what: string): Promise<void> => {
    const { drift, mayBe } = await setClock();
    assert.ok(Math.abs(drift) <= mayBe, `${what}: off by ${drift}, not by at most ${mayBe}`);
  };
  await setClock();
  await isRight('a clock that was set is right');
  await done(hypervisor.pause(run(1), wanted()), 'the pause');
  const pausedAt = world.now();
  await scene.until(() => world.now() >= pausedAt + STANDSTILL_MS, 'time passes');
  await done(hypervisor.resume(run(1), wanted()), 'the resume');
  const stoodStillMs = world.now() - pausedAt;
  const { drift, mayBe } = await setClock();
  assert.ok(Math.abs(drift - stoodStillMs) <= mayBe, `stood still for ${stoodStillMs}, told ${drift}`);
  await isRight('and is set again');
  assert.deepEqual(await hypervisor.setClock(run(1), world.now(), withdrawn('signal')), { outcome: 'withdrawn' });
}

/** The rules on how guests are saved, kept, copied and woken. */
export const savingChecks: readonly HypervisorCheck[] = [
  { name: 'a saved guest goes on in a later run, and its snapshot is consumed', run: sleepsAndWakes },
  { name: 'a snapshot that is kept is whole by itself, and so are its copies and forks', run: keptOnesAreWhole },
  { name: 'a damaged snapshot is refused by its own name, and is left as it was', run: damagedOnesAreRefused },
  { name: 'the clock of a guest is set, and how far off it was is told', run: clockIsSet },
];
