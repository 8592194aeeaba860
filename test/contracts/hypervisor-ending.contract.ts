import assert from 'node:assert/strict';
import type { EndReason, RunRef } from '../../src/actors/contracts/hypervisor.ts';
import type { HypervisorCheck } from './hypervisor.contract.ts';
import {
  bootReady,
  bootRun,
  type HypervisorWorld,
  observedEnd,
  type Scene,
  wanted,
  withdrawn,
} from './hypervisor.world.ts';

interface WayToEnd {
  readonly ref: RunRef;
  readonly cause: (world: HypervisorWorld, ref: RunRef) => Promise<void>;
  readonly reason: EndReason;
  readonly code: number | null;
}

const WAYS: readonly WayToEnd[] = [
  {
    ref: { instance: '01contractexit000000000000', run: 4 },
    cause: (world, ref) => world.guest.exit(ref, 7),
    reason: 'power_off',
    code: 7,
  },
  {
    ref: { instance: '01contractpoweroff00000000', run: 1 },
    cause: (world, ref) => world.guest.powerOff(ref),
    reason: 'power_off',
    code: null,
  },
  {
    ref: { instance: '01contractpanic00000000000', run: 1 },
    cause: (world, ref) => world.guest.panic(ref),
    reason: 'panic',
    code: null,
  },
  {
    ref: { instance: '01contractkilled0000000000', run: 1 },
    cause: (world, ref) => world.vmm.sigkill(ref),
    reason: 'killed',
    code: null,
  },
];

async function toldApartWhileWatched(scene: Scene): Promise<void> {
  await Promise.all(WAYS.map((way) => bootReady(scene, way.ref)));
  for (const way of WAYS) {
    await way.cause(scene.world, way.ref);
    const end = await observedEnd(scene, way.ref);
    assert.deepEqual({ reason: end.reason, code: end.code }, { reason: way.reason, code: way.code }, way.ref.instance);
    assert.notEqual(end.ended_at, null, 'the time of a watched end is known');
  }
  for (const way of WAYS) {
    const reality = await scene.current().inspect(way.ref);
    assert.ok(reality.reality === 'ended' && reality.reason === way.reason && reality.code === way.code);
    assert.equal(scene.seen(way.ref, 'vmm.exited').length, 1, 'one end is observed once');
  }
}

async function toldApartAfterwards(scene: Scene): Promise<void> {
  await Promise.all(WAYS.map((way) => bootReady(scene, way.ref)));
  await scene.current().close();
  for (const way of WAYS) {
    await way.cause(scene.world, way.ref);
    const gone = async (): Promise<boolean> => (await scene.world.countVmms(way.ref.instance)) === 0;
    await scene.until(gone, `${way.ref.instance} is gone`);
  }
  const after = await scene.reopen();
  for (const way of WAYS) {
    for (const reality of [await after.inspect(way.ref), await after.adopt(way.ref)]) {
      assert.ok(reality.reality === 'ended', JSON.stringify(reality));
      assert.deepEqual({ reason: reality.reason, code: reality.code }, { reason: way.reason, code: way.code });
    }
    assert.ok(scene.seen(way.ref, 'vmm.exited').length <= 1, 'an end found on adoption is told at most once');
  }
}

const RUN: RunRef = { instance: '01contractending0000000000', run: 1 };

async function gracefulShutdown(scene: Scene): Promise<void> {
  await bootReady(scene, RUN);
  const hypervisor = scene.current();
  for (const by of ['question', 'signal'] as const) {
    assert.deepEqual(await hypervisor.shutdown(RUN, withdrawn(by)), { outcome: 'withdrawn' });
    assert.deepEqual(await hypervisor.kill(RUN, withdrawn(by)), { outcome: 'withdrawn' });
    assert.deepEqual(
      await hypervisor.inspect(RUN),
      { reality: 'running', ready: true },
      'what is withdrawn harms nothing',
    );
  }
  assert.equal((await hypervisor.shutdown(RUN, wanted())).outcome, 'done');
  assert.equal((await observedEnd(scene, RUN)).reason, 'power_off');
  assert.equal(await scene.world.countVmms(RUN.instance), 0);

  const late = await hypervisor.shutdown(RUN, wanted());
  assert.ok(late.outcome === 'done' && late.ended?.reason === 'power_off', 'asking an ended run is harmless');
}

async function killIsCertain(scene: Scene): Promise<void> {
  await bootRun(scene, RUN);
  const hypervisor = scene.current();
  const first = await hypervisor.kill(RUN, wanted());
  assert.equal(await scene.world.countVmms(RUN.instance), 0, 'after the answer the VMM is gone');
  assert.ok(first.outcome === 'done' && first.ended !== undefined, 'the end is in the answer');
  assert.ok(['quit', 'killed'].includes(first.ended.reason), first.ended.reason);
  const end = await observedEnd(scene, RUN);
  assert.equal(end.reason, first.ended.reason);

  const second = await hypervisor.kill(RUN, wanted());
  assert.ok(second.outcome === 'done' && second.ended?.reason === first.ended.reason, 'killing twice is harmless');
  const after = await scene.reopen();
  const third = await after.kill(RUN, wanted());
  assert.ok(third.outcome === 'done' && third.ended?.reason === first.ended.reason, 'for a later daemon too');
}

/** The rules on how runs end and how their ends are told. */
export const endingChecks: readonly HypervisorCheck[] = [
  { name: 'exit, power-off, panic and a killed VMM are told apart while they are watched', run: toldApartWhileWatched },
  { name: 'exit, power-off, panic and a killed VMM are told apart after nobody watched', run: toldApartAfterwards },
  {
    name: 'a graceful shutdown ends the run with a power-off, and what is withdrawn harms nothing',
    run: gracefulShutdown,
  },
  { name: 'a kill is certain when it is answered, and harmless when repeated', run: killIsCertain },
];
