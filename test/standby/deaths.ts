import assert from 'node:assert/strict';
import { check } from '../crash/checker.ts';
import type { KillSpot } from '../crash/points-run.ts';
import { journalOfQemu, vmmsOf } from '../crash/qemu-world.ts';
import { entriesOf, tell } from '../crash/verdict.ts';
import { openSleeper, type Sleeper } from './sleeper.ts';

/**
 * A long check: the daemon is killed at each fault point of falling asleep and of waking, with a real guest, real
 * connections and the kernel's own table. The next daemon puts the guest to sleep or has it run, and the guest goes on
 * where it was: it is booted once in all.
 */

const FALLING_ASLEEP: readonly KillSpot[] = [
  { point: 'timer_due', subject: 'timer.idle' },
  { point: 'effect_begun', subject: 'traffic.confirm' },
  { point: 'effect_begun', subject: 'vmm.pause' },
  { point: 'effect_done', subject: 'vmm.pause' },
  { point: 'effect_begun', subject: 'vmm.snapshot' },
  { point: 'effect_done', subject: 'vmm.snapshot' },
  { point: 'effect_begun', subject: 'vmm.kill' },
  { point: 'effect_done', subject: 'vmm.kill' },
];
const WAKING: readonly KillSpot[] = [
  { point: 'acknowledged', subject: 'restore' },
  { point: 'effect_begun', subject: 'vmm.restore' },
  { point: 'effect_done', subject: 'vmm.restore' },
  { point: 'effect_done', subject: 'guest.set_clock' },
];
const END_LIMIT_MS = 60_000;

const killAt = (spot: KillSpot) => ({ kill: { ...spot, nth: 1 }, hold: null });
const instanceIn = async (directory: string): Promise<string> => (await entriesOf(directory))[0]!.stream;

async function sleepsAfter(sleeper: Sleeper, spot: KillSpot, id: string): Promise<void> {
  const { directory, keeper } = sleeper;
  await sleeper.serve(killAt(spot));
  assert.ok(await keeper.endsWithin(END_LIMIT_MS), `${spot.point} ${spot.subject} was not reached`);
  assert.ok((await vmmsOf(directory, id)).length <= 1);
  const door = await keeper.startReady();
  await sleeper.becomes(door, 'Standby');
  assert.deepEqual(await vmmsOf(directory, id), []);
  await wake(sleeper, door);
  await keeper.kill('SIGKILL');
}

async function wake(sleeper: Sleeper, door: Parameters<Sleeper['command']>[0]): Promise<void> {
  assert.equal((await sleeper.command(door, 'restore')).status, 202);
  assert.equal((await sleeper.connect(true)).status, 200);
}

/** The guest sleeps; whoever wakes it has his daemon die. */
async function runsAfter(sleeper: Sleeper, spot: KillSpot, id: string): Promise<void> {
  const { directory, keeper } = sleeper;
  await sleeper.becomes(await keeper.startReady(), 'Standby');
  await keeper.kill('SIGKILL');
  const door = await sleeper.serve(killAt(spot));
  assert.ok(door !== null, 'the daemon ended');
  const woken = sleeper.command(door, 'restore');
  woken.catch(() => {});
  assert.ok(await keeper.endsWithin(END_LIMIT_MS), `${spot.point} ${spot.subject} was not reached`);
  assert.ok((await vmmsOf(directory, id)).length <= 1);
  const served = sleeper.connect(true);
  served.catch(() => {});
  await keeper.startReady();
  assert.equal((await served).status, 200);
  await keeper.kill('SIGKILL');
}

const sleeper = await openSleeper();
try {
  const { directory, keeper } = sleeper;
  const id = await instanceIn(directory);
  for (const spot of FALLING_ASLEEP) {
    await sleepsAfter(sleeper, spot, id);
    console.log(`${spot.point} ${spot.subject}: asleep, and woken`);
  }
  for (const spot of WAKING) {
    await runsAfter(sleeper, spot, id);
    console.log(`${spot.point} ${spot.subject}: a client was served`);
  }
  await sleeper.becomes(await keeper.startReady(), 'Standby');
  await keeper.kill('SIGTERM');
  const entries = await entriesOf(directory);
  const journal = journalOfQemu(directory, entries);
  const violations = check({ journal, entries, acknowledged: [], refused: [], views: null });
  const boots = journal.filter((line) => line.type === 'vmm.spawned' && line.from === null).length;
  console.log(`${entries.length} records, ${boots} boot; ${tell(violations)}`);
  assert.deepEqual([violations, boots], [[], 1]);
} catch (error) {
  console.error(await sleeper.history());
  throw error;
} finally {
  await sleeper.close();
}
