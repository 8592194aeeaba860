import assert from 'node:assert/strict';
import {
  RUN_LOG_BEGINNING,
  RUN_LOG_BYTES_MIN,
  type RunLogCursor,
  type RunLogSource,
} from '../../src/actors/contracts/hypervisor.ts';
import type { HypervisorCheck } from './hypervisor.contract.ts';
import { bootReady, bootRun, openScene, type Scene, wanted, withdrawn } from './hypervisor.world.ts';

const FIRST = { instance: '01hypervisorcontract000000', run: 1 };
const NEXT = { instance: FIRST.instance, run: 2 };

/** More than any guest of these tests says. */
const LOG_READ_BYTES = 1_000_000;

const vmms = (scene: Scene): Promise<number> => scene.world.countVmms(FIRST.instance);

async function nothingStartsWithoutCause(scene: Scene): Promise<void> {
  const hypervisor = scene.current();
  assert.deepEqual(await hypervisor.inspect(FIRST), { reality: 'none' }, 'a run never booted does not exist');
  assert.deepEqual(await hypervisor.adopt(FIRST), { reality: 'none' }, 'and cannot be adopted');
  assert.equal((await hypervisor.readLog(FIRST, 'console', null, 100)).text, '', 'and said nothing');
  const spec = scene.world.spec(FIRST);
  assert.equal((await hypervisor.checkImage('no-such-image', spec.memory_bytes))?.code, 'image_not_found');
  const usable = await hypervisor.checkImage(spec.image, spec.memory_bytes);
  assert.equal(usable, null, 'the image of the contract is usable');

  const unknown = await hypervisor.boot({ ...spec, image: 'no-such-image' }, wanted());
  assert.equal(unknown.outcome, 'failed');
  assert.ok(unknown.outcome === 'failed' && unknown.error.code === 'image_not_found', 'the image is unknown');
  assert.equal(await vmms(scene), 0);
}

async function withdrawnStartsNothing(scene: Scene): Promise<void> {
  const hypervisor = scene.current();
  for (const by of ['question', 'signal'] as const) {
    const outcome = await hypervisor.boot(scene.world.spec(FIRST), withdrawn(by));
    assert.deepEqual(outcome, { outcome: 'withdrawn' }, `withdrawn by the ${by}`);
    assert.equal(await vmms(scene), 0);
    assert.deepEqual(await hypervisor.inspect(FIRST), { reality: 'none' });
  }
  const after = await scene.reopen();
  assert.deepEqual(await after.inspect(FIRST), { reality: 'none' });
  assert.deepEqual(scene.seen(FIRST, 'vmm.exited'), []);
}

async function bootedAtMostOnce(scene: Scene): Promise<void> {
  const { world } = scene;
  await bootReady(scene, FIRST);
  assert.equal(await vmms(scene), 1);
  assert.deepEqual(await scene.current().inspect(FIRST), { reality: 'running', ready: true });
  assert.deepEqual(await scene.current().inspect(NEXT), { reality: 'other_run', run: 1 });

  assert.equal((await scene.current().boot(world.spec(FIRST), wanted())).outcome, 'unknown', 'the run is taken');
  assert.equal(await vmms(scene), 1);
  assert.equal(scene.seen(FIRST, 'guest.ready').length, 1, 'ready was observed once');

  const after = await scene.reopen();
  assert.equal((await after.boot(world.spec(FIRST), wanted())).outcome, 'unknown', 'taken for a later daemon too');
  assert.equal(await vmms(scene), 1);

  assert.equal((await after.kill(FIRST, wanted())).outcome, 'done');
  assert.equal((await after.boot(world.spec(FIRST), wanted())).outcome, 'unknown', 'an ended run is not booted again');
  assert.equal(await vmms(scene), 0);
}

async function adoptedRunGoesOn(scene: Scene): Promise<void> {
  const { pid } = await bootReady(scene, FIRST);
  const after = await scene.reopen();
  assert.deepEqual(await after.inspect(FIRST), { reality: 'running', ready: true }, 'the VMM outlived its daemon');
  assert.deepEqual(await after.adopt(FIRST), { reality: 'running', ready: true });
  assert.deepEqual(await after.adopt(FIRST), { reality: 'running', ready: true }, 'adopting twice is harmless');
  assert.equal(await vmms(scene), 1);

  await scene.world.guest.exit(FIRST, 3);
  await scene.until(() => scene.seen(FIRST, 'vmm.exited').length > 0, 'the end of the adopted run is observed');
  const again = await after.adopt(FIRST);
  assert.ok(again.reality === 'ended' && again.code === 3 && again.reason === 'power_off', JSON.stringify(again));
  assert.equal(scene.seen(FIRST, 'vmm.exited').length, 1, `one end of pid ${pid}`);
}

async function rebootStaysInTheRun(scene: Scene): Promise<void> {
  const { world } = scene;
  await bootReady(scene, FIRST);
  const hypervisor = scene.current();
  const refused = await hypervisor.remove(FIRST.instance);
  assert.ok(refused.outcome === 'failed' && refused.error.code === 'still_running', 'a living VMM keeps its files');

  await world.guest.reboot(FIRST);
  await scene.until(() => scene.seen(FIRST, 'guest.rebooted').length > 0, 'the reboot is observed');
  assert.equal(await vmms(scene), 1, 'the same VMM goes on');

  assert.equal((await hypervisor.pause(FIRST, wanted())).outcome, 'done');
  assert.deepEqual(await hypervisor.inspect(FIRST), { reality: 'paused' });
  assert.equal((await hypervisor.resume(FIRST, wanted())).outcome, 'done');
  assert.equal((await hypervisor.inspect(FIRST)).reality, 'running');
  assert.equal(scene.seen(FIRST, 'guest.rebooted').length, 1, 'one reboot is observed once');
  assert.deepEqual(scene.seen(FIRST, 'vmm.exited'), [], 'a reboot is not an end');

  assert.equal((await hypervisor.kill(FIRST, wanted())).outcome, 'done');
  assert.equal((await hypervisor.remove(FIRST.instance)).outcome, 'done');
  assert.deepEqual(await hypervisor.inspect(FIRST), { reality: 'none' }, 'nothing is left');
  assert.equal((await hypervisor.remove(FIRST.instance)).outcome, 'done', 'removing twice is harmless');
}

/** Everything from a cursor on, read in pieces of so many bytes. */
async function readOn(scene: Scene, source: RunLogSource, from: RunLogCursor, most: number) {
  let [text, next] = ['', from];
  for (;;) {
    const piece = await scene.current().readLog(FIRST, source, next, most);
    assert.ok(Buffer.byteLength(piece.text) <= most, `a piece of ${source} is cut to ${most} bytes`);
    assert.equal(piece.gap, false, 'nothing of so short a log is gone');
    if (piece.next === next) return { text, next };
    text += piece.text;
    next = piece.next;
  }
}

async function logsAreReadOn(scene: Scene): Promise<void> {
  await bootReady(scene, FIRST);
  const whatIsSaid = () => readOn(scene, 'console', RUN_LOG_BEGINNING, LOG_READ_BYTES);
  // The word that a guest is ready may come another way, and sooner than what it writes.
  await scene.until(async () => (await whatIsSaid()).text.length > RUN_LOG_BYTES_MIN, 'the guest says something');
  const said = await whatIsSaid();
  const pieces = await readOn(scene, 'console', RUN_LOG_BEGINNING, RUN_LOG_BYTES_MIN);
  assert.ok(pieces.text.startsWith(said.text), 'pieces make up the whole');
  const end = await scene.current().readLog(FIRST, 'console', null, RUN_LOG_BYTES_MIN);
  assert.ok(Buffer.byteLength(end.text) <= RUN_LOG_BYTES_MIN, 'the end of the console is cut to what was asked for');
  assert.ok((await readOn(scene, 'console', RUN_LOG_BEGINNING, LOG_READ_BYTES)).text.includes(end.text));

  const before = await readOn(scene, 'vmm', RUN_LOG_BEGINNING, LOG_READ_BYTES);
  await scene.world.guest.exit(FIRST, 3);
  await scene.until(() => scene.seen(FIRST, 'vmm.exited').length > 0, 'the end is observed');
  await scene.reopen();
  for (const [source, read] of [
    ['console', said],
    ['vmm', before],
  ] as const) {
    const rest = await readOn(scene, source, read.next, LOG_READ_BYTES);
    const whole = await readOn(scene, source, RUN_LOG_BEGINNING, LOG_READ_BYTES);
    assert.equal(read.text + rest.text, whole.text, `${source} goes on where it was left, also with a later daemon`);
  }
  const last = await readOn(scene, 'vmm', before.next, LOG_READ_BYTES);
  assert.notEqual(last.text, '', 'the VMM tells of its end');
}

async function severalListeners(scene: Scene): Promise<void> {
  const second = openScene(scene.world);
  const silent: unknown[] = [];
  const stop = scene.current().observe((observation) => silent.push(observation));
  stop();
  await bootRun(scene, FIRST);
  assert.equal((await scene.current().kill(FIRST, wanted())).outcome, 'done');
  await scene.until(() => scene.seen(FIRST, 'vmm.exited').length === 1, 'the first listener hears the end');
  assert.equal(second.seen(FIRST, 'vmm.exited').length, 1, 'and so does the second');
  assert.deepEqual(silent, [], 'but not one that stopped listening');
}

/** The rules on how runs begin, go on and are found again. */
export const bootingChecks: readonly HypervisorCheck[] = [
  {
    name: 'a run that was never booted does not exist, and an unknown image starts nothing',
    run: nothingStartsWithoutCause,
  },
  { name: 'a boot that is withdrawn before the spawn starts nothing', run: withdrawnStartsNothing },
  { name: 'a run is booted at most once, also by a later daemon and after its end', run: bootedAtMostOnce },
  { name: 'an adopted run goes on with its VMM, and its end is observed exactly once', run: adoptedRunGoesOn },
  { name: 'a guest reboot stays in the run, and files are removed only after the end', run: rebootStaysInTheRun },
  { name: 'a log of a run is read on from any cursor, to the byte, also by a later daemon', run: logsAreReadOn },
  { name: 'every listener hears every observation until it stops listening', run: severalListeners },
];
