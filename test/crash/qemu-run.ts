import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { LogEntry } from '../../src/actors/contracts/log.ts';
import { FAULT_POINTS, type FaultPoint } from '../../src/actors/fault-points.ts';
import { untilTrue } from '../contracts/hypervisor.world.ts';
import { type DoorAndToken, makeTestedDirectory } from './daemon-process.ts';
import { getView } from './door.ts';
import { parseNotes } from './fault-plan.ts';
import { createKeeper, type Keeper } from './keeper.ts';
import { createSender, type Driver } from './load-driver.ts';
import type { KillSpot } from './points-run.ts';
import { killWhileSick, sickGuest } from './qemu-sick.ts';
import { endVmms, journalOfQemu, vmmsOf } from './qemu-world.ts';
import { tellingHistory } from './told-history.ts';
import { judge, type Verdict } from './verdict.ts';

/** Every fault point with real VMs: one is tormented while a bystander must not notice anything; then a sick one comes. */

type Provocation = 'vmm_killed' | 'start' | 'stop' | 'restart' | 'nothing';

const STEPS: readonly (KillSpot & { readonly by: Provocation })[] = [
  { point: 'decided', subject: 'vmm.exited', by: 'vmm_killed' },
  { point: 'appended', subject: 'vmm.exited', by: 'vmm_killed' },
  { point: 'effect_begun', subject: 'vmm.boot', by: 'vmm_killed' },
  { point: 'effect_done', subject: 'vmm.boot', by: 'vmm_killed' },
  { point: 'result_appended', subject: 'effect.done', by: 'vmm_killed' },
  { point: 'timer_due', subject: 'timer.stable', by: 'vmm_killed' },
  { point: 'recovered', subject: 'start', by: 'nothing' },
  { point: 'published', subject: 'restart', by: 'restart' },
  { point: 'effect_done', subject: 'vmm.shutdown', by: 'restart' },
  { point: 'acknowledged', subject: 'stop', by: 'stop' },
  { point: 'acknowledged', subject: 'start', by: 'start' },
];

/** Of a guest on a busy machine that boots in it. */
const RUNNING_LIMIT_MS = 120_000;
/** What leads to a spot may be a whole life of a guest: its end, its boot, and its stability window. */
const END_LIMIT_MS = RUNNING_LIMIT_MS;
const POLICY = { policy: 'always', backoff: '100ms', max_attempts: 0, stable_after: '3s' };

export interface QemuResult extends Verdict {
  readonly driver: Driver;
  readonly kills: ReadonlyMap<FaultPoint, number>;
  /** How often the bystander's VMM was found alive with its pid after a death of the daemon. */
  readonly adopted: number;
}

export function qemuDefinition(name: string, more: Readonly<Record<string, unknown>> = {}) {
  return { name, image: 'demo', size: '128MB', vcpus: 1, stop_timeout: '500ms', restart_policy: POLICY, ...more };
}

/**
 * Waits until the instance runs, or its daemon is gone. A daemon shows what is on record until it has looked at the world:
 * that says running of a VMM whose end the daemon before it did not live to record.
 */
async function runs(door: DoorAndToken, directory: string, id: string, gone: () => boolean): Promise<void> {
  const isRunning = async (): Promise<boolean> => {
    if (gone()) return true;
    const view = await getView(door, id).catch(() => null);
    return view?.phase === 'running' && view.pid !== null && (await vmmsOf(directory, id)).includes(view.pid);
  };
  await untilTrue(isRunning, `${id} runs`, RUNNING_LIMIT_MS);
}

async function provoke(by: Provocation, directory: string, id: string, { send }: Driver): Promise<void> {
  if (by === 'nothing') return;
  if (by === 'vmm_killed') {
    for (const pid of await vmmsOf(directory, id)) process.kill(pid, 'SIGKILL');
    return;
  }
  await send(by, id, { method: 'POST', path: `/v1/instances/${id}/${by}` });
}

async function killAtSteps(
  directory: string,
  keeper: Keeper,
  driver: Driver,
  { notes, ...ids }: { victim: string; bystander: string; notes: string },
): Promise<number> {
  const [pid] = await vmmsOf(directory, ids.bystander);
  let adopted = 0;
  for (const { point, subject, by } of STEPS) {
    const { daemon, door } = await keeper.start({ kill: { point, subject, nth: 1 }, hold: null, notes });
    if (door !== null) {
      assert.deepEqual(await vmmsOf(directory, ids.bystander), [pid]);
      const view = await getView(door, ids.bystander).catch(() => null);
      if (view !== null) {
        assert.equal(view.pid, pid);
        adopted += 1;
      }
      if (by !== 'start') await runs(door, directory, ids.victim, daemon.gone);
    }
    // A command whose daemon dies is sent again to the next one: it ends only then.
    const provoked = provoke(by, directory, ids.victim, driver);
    provoked.catch(() => {});
    assert.ok(await keeper.endsWithin(END_LIMIT_MS), `${point} ${subject} was not reached`);
    await keeper.startReady();
    await provoked;
    await keeper.kill('SIGKILL');
  }
  return adopted;
}

function killsNoted(notes: string): Map<FaultPoint, number> {
  const kills = new Map<FaultPoint, number>(FAULT_POINTS.map((point) => [point, 0]));
  for (const note of parseNotes(readFileSync(notes, 'utf8'))) {
    if (note.what === 'kill') kills.set(note.point, (kills.get(note.point) ?? 0) + 1);
  }
  return kills;
}

export async function runAtQemu(): Promise<QemuResult> {
  const { directory, destroy } = await makeTestedDirectory();
  const keeper = createKeeper(directory, 'qemu');
  const driver = createSender(keeper.door);
  const notes = `${directory}.notes`;
  const create = async (name: string, more = {}): Promise<string> => {
    const body = qemuDefinition(name, more);
    const id = await driver.send('create', null, { method: 'POST', path: '/v1/instances', body });
    assert.ok(id !== null, `${name} was refused`);
    return id;
  };
  try {
    const { daemon, door } = await keeper.start();
    assert.ok(door !== null, 'the first daemon ended');
    const ids = { victim: await create('victim'), bystander: await create('bystander') };
    for (const id of Object.values(ids)) await runs(door, directory, id, daemon.gone);
    await keeper.kill('SIGKILL');
    const adopted = await tellingHistory(directory, keeper, () =>
      killAtSteps(directory, keeper, driver, { ...ids, notes }),
    );
    await keeper.startReady();
    const id = await create('patient', await sickGuest());
    await keeper.kill('SIGKILL');
    await killWhileSick({ keeper, driver, directory, id, notes });
    await keeper.startReady();
    const journal = async (entries: readonly LogEntry[]) => journalOfQemu(directory, entries);
    const verdict = await tellingHistory(directory, keeper, () => judge(directory, keeper, driver, journal));
    return { ...verdict, kills: killsNoted(notes), adopted, driver };
  } finally {
    await keeper.kill('SIGKILL');
    await endVmms(directory);
    await destroy();
  }
}
