import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { untilTrue } from '../contracts/hypervisor.world.ts';
import { check } from './checker.ts';
import { makeTestedDirectory, type TestedHypervisor } from './daemon-process.ts';
import { getView } from './door.ts';
import { type FaultPlan, parseNotes } from './fault-plan.ts';
import { createKeeper, type Keeper } from './keeper.ts';
import { createSender, type Driver } from './load-driver.ts';
import { qemuDefinition } from './qemu-run.ts';
import { endVmms, journalOfQemu, vmmsOf } from './qemu-world.ts';
import { controlWorldOf } from './simulated-load.ts';
import { entriesOf } from './verdict.ts';

/**
 * The race that loses VMs elsewhere: a restart is decided, and before its boot begins the operator stops the instance.
 * The moment between the two is held open here until the stop has been acknowledged.
 */

const WATCHED_MS = 500;
const LOOK_MS = 50;

let directory: string;
let destroy: () => Promise<void>;
let keeper: Keeper;
let driver: Driver;
let plan: FaultPlan & { readonly notes: string; readonly hold: NonNullable<FaultPlan['hold']> };

async function open(hypervisor: TestedHypervisor): Promise<void> {
  ({ directory, destroy } = await makeTestedDirectory());
  keeper = createKeeper(directory, hypervisor);
  driver = createSender(keeper.door);
  const hold = { point: 'effect_begun' as const, subject: 'vmm.boot', nth: 2, release: `${directory}.release` };
  plan = { kill: null, notes: `${directory}.notes`, hold };
}

beforeEach(() => {
  destroy = async () => {};
});
afterEach(async () => {
  await keeper.kill('SIGKILL');
  await endVmms(directory);
  await destroy();
});

/** What the two hypervisors need different hands for. */
interface Hands {
  killVmm(id: string): Promise<void>;
  countVmms(id: string): Promise<number>;
}

const simulatorHands = (): Hands => {
  const using = <T>(act: (world: ReturnType<typeof controlWorldOf>) => Promise<T>): Promise<T> => {
    const world = controlWorldOf(directory);
    return act(world).finally(() => world.close());
  };
  return {
    killVmm: (id) => using((world) => world.sigkill(id)),
    countVmms: (id) => using((world) => world.countVmms(id)),
  };
};

const qemuHands = (): Hands => ({
  killVmm: async (id) => {
    for (const pid of await vmmsOf(directory, id)) process.kill(pid, 'SIGKILL');
  },
  countVmms: async (id) => (await vmmsOf(directory, id)).length,
});

async function startRunning(): Promise<string> {
  const { door } = await keeper.start(plan);
  assert.ok(door !== null, 'the daemon ended before it was ready');
  const id = await driver.send('create', null, {
    method: 'POST',
    path: '/v1/instances',
    body: qemuDefinition('web'),
  });
  assert.ok(id !== null, 'the instance was refused');
  await untilTrue(async () => (await getView(door, id)).phase === 'running', 'the instance runs');
  return id;
}

async function holdRestart(id: string, { killVmm }: Hands): Promise<void> {
  await killVmm(id);
  const held = (): boolean => parseNotes(readFileSync(plan.notes, 'utf8')).some(({ what }) => what === 'hold');
  await untilTrue(held, 'the boot of the restart is held');
}

async function expectNoVmm(id: string, { countVmms }: Hands): Promise<void> {
  const clock = systemClock();
  for (let waited = 0; waited < WATCHED_MS; waited += LOOK_MS) {
    expect(await countVmms(id)).toBe(0);
    await clock.sleep(LOOK_MS);
  }
}

const phaseOf = async (id: string): Promise<string> => (await getView(await keeper.door(), id)).phase;

async function stop(id: string): Promise<void> {
  expect(await driver.send('stop', id, { method: 'POST', path: `/v1/instances/${id}/stop` })).toBe(id);
}

async function expectOneBoot(hypervisor: TestedHypervisor, id: string): Promise<void> {
  await keeper.kill('SIGTERM');
  const entries = await entriesOf(directory);
  const world = controlWorldOf(directory);
  const journal = hypervisor === 'simulator' ? await world.journal() : journalOfQemu(directory, entries);
  await world.close();
  expect(journal.filter(({ type }) => type === 'vmm.spawned').map((line) => 'run' in line && line.run)).toEqual([1]);
  expect(check({ ...driver, journal, entries, views: null })).toEqual([]);
  expect(entries.filter(({ stream }) => stream === id).length).toBeGreaterThan(0);
}

describe.each([
  ['simulator', simulatorHands],
  ['qemu', qemuHands],
] as const)('a stop between the decision to restart and the boot (%s)', (hypervisor, handsOf) => {
  test('is acknowledged while the boot is held, and the boot never happens', async () => {
    await open(hypervisor);
    const hands = handsOf();
    const id = await startRunning();
    await holdRestart(id, hands);
    await stop(id);
    expect(existsSync(plan.hold.release)).toBe(false);
    writeFileSync(plan.hold.release, '');
    await untilTrue(async () => (await phaseOf(id)) === 'stopped', 'the instance is stopped');
    await expectNoVmm(id, hands);
    expect(await phaseOf(id)).toBe('stopped');
    await expectOneBoot(hypervisor, id);
  });

  test('is kept by the next daemon when this one dies while the boot is still held', async () => {
    await open(hypervisor);
    const hands = handsOf();
    const id = await startRunning();
    await holdRestart(id, hands);
    await stop(id);
    await keeper.kill('SIGKILL');
    await keeper.start();
    await untilTrue(async () => (await phaseOf(id)) === 'stopped', 'the instance is stopped');
    await expectNoVmm(id, hands);
    await expectOneBoot(hypervisor, id);
  });
});
