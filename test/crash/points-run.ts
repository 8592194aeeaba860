import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import type { FaultPoint } from '../../src/actors/fault-points.ts';
import { makeTestedDirectory } from './daemon-process.ts';
import { type Note, parseNotes } from './fault-plan.ts';
import { createKeeper, type Keeper } from './keeper.ts';
import { createDriver, type Driver } from './load-driver.ts';
import { controlWorldOf, createSimulated, everyDeed, hurryGuests, sleepDeeds } from './simulated-load.ts';
import { tellingHistory } from './told-history.ts';
import { judge, type Verdict } from './verdict.ts';
import { noteWaits, type WorldWaits } from './world-waits.ts';

/** Kills the daemon at named moments, one after the other, while clients and guests go on. */

export interface KillSpot {
  readonly point: FaultPoint;
  readonly subject: string;
}

const LETTERS = [
  ...['create', 'start', 'stop', 'restart', 'update', 'delete'],
  ...['vmm.exited', 'vmm.found', 'guest.ready', 'guest.rebooted', 'probe.failed', 'probe.passed'],
  ...['timer.backoff', 'timer.stable', 'timer.stop_deadline'],
];
const RESULTS = ['effect.done', 'effect.failed', 'effect.withdrawn', 'host.granted'];
const EFFECTS = ['instance.prepare', 'host.admit', 'vmm.boot', 'vmm.shutdown', 'vmm.kill', 'instance.remove'];
const TIMERS = ['timer.backoff', 'timer.stable', 'timer.stop_deadline'];

const spots = (points: readonly FaultPoint[], subjects: readonly string[]): KillSpot[] =>
  points.flatMap((point) => subjects.map((subject) => ({ point, subject })));

/** Every fault point with every subject that a run of instances on the simulator has at it. */
export const ALL_SPOTS: readonly KillSpot[] = [
  ...spots(['decided', 'appended', 'published', 'acknowledged'], LETTERS),
  ...spots(['decided', 'result_appended', 'published', 'acknowledged'], RESULTS),
  ...spots(['effect_begun', 'effect_done'], EFFECTS),
  ...spots(['timer_due'], TIMERS),
  ...spots(['recovered'], ['start']),
];

const ASLEEP_LETTERS = ['standby', 'restore', 'timer.idle', 'traffic.idle', 'traffic.active'];
const ASLEEP_EFFECTS = [
  ...['vmm.pause', 'traffic.confirm', 'vmm.snapshot', 'vmm.resume', 'vmm.kill'],
  ...['vmm.restore', 'guest.set_clock', 'snapshot.drop'],
];

/** The same for the ways into standby and out of it. */
export const STANDBY_SPOTS: readonly KillSpot[] = [
  ...spots(['decided', 'appended', 'published', 'acknowledged'], ASLEEP_LETTERS),
  ...spots(['decided', 'result_appended', 'published', 'acknowledged'], ['traffic.confirmed_idle', 'host.granted']),
  ...spots(['effect_begun', 'effect_done'], ASLEEP_EFFECTS),
  ...spots(['timer_due'], ['timer.idle']),
  ...spots(['recovered'], ['start']),
];

/** How long a moment is waited for before the daemon is killed without it, ms: the first time, and each further time twice as long. */
const REACH_LIMIT_MS = 3_000;
const TRIES_MAX = 4;
const CLIENTS = 10;
const SLOTS = 24;
const PAUSE_MS = 5;
/** Which reach of its moment a run kills at: each further run on the same moments takes the next of these. */
const NTH = [1, 2, 3];

export interface PointsResult extends Verdict {
  /** Kills by `point subject`. */
  readonly kills: ReadonlyMap<string, number>;
  readonly reaches: ReadonlyMap<string, number>;
  readonly driver: Driver;
  readonly starts: number;
  /** Spots that were not killed at. */
  readonly missing: readonly string[];
}

export const spotName = ({ point, subject }: KillSpot): string => `${point} ${subject}`;

/** Kills at each spot, the daemon being started again each time: at the n-th reach, or at the first if that does not come. */
async function killAtEach(keeper: Keeper, notes: string, wanted: readonly KillSpot[], turn: number) {
  const kills = new Map(wanted.map((spot) => [spotName(spot), 0]));
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const open = wanted.filter((spot) => kills.get(spotName(spot)) === 0);
    for (const spot of open) {
      const nth = spot.point === 'recovered' || tries > 0 ? 1 : NTH[turn % NTH.length]!;
      const from = existsSync(notes) ? readFileSync(notes).length : 0;
      await keeper.start({ kill: { ...spot, nth }, hold: null, notes });
      const reached = (await keeper.endsWithin(REACH_LIMIT_MS * 2 ** tries)) ? 'ended' : 'killed';
      const fresh = parseNotes(readFileSync(notes).toString('utf8', from));
      if (fresh.some(({ what }) => what === 'kill')) kills.set(spotName(spot), 1);
      else assert.ok(reached !== 'ended', `the daemon ended by itself before ${spotName(spot)}`);
    }
  }
  return kills;
}

function countReaches(notes: readonly Note[]): Map<string, number> {
  const reaches = new Map<string, number>();
  for (const note of notes) {
    if (note.what === 'reach') reaches.set(note.point, (reaches.get(note.point) ?? 0) + 1);
  }
  return reaches;
}

/** A crash run on the simulator in a data directory of its own, with the checker's judgement of it. */
export async function runAtPoints(
  wanted: readonly KillSpot[],
  { turn = 0, seed = 1, sleeping = false } = {},
): Promise<PointsResult> {
  const { directory, destroy } = await makeTestedDirectory();
  const notes = `${directory}.notes`;
  const keeper = createKeeper(directory, 'simulator');
  const world = controlWorldOf(directory);
  let waiting: WorldWaits | null = null;
  try {
    await keeper.startReady();
    await hurryGuests(world);
    waiting = noteWaits(world);
    const deeds = sleeping ? [...everyDeed(world), ...sleepDeeds(world)] : everyDeed(world);
    const create = createSimulated(world, { probed: true, sleeping });
    const about = { seed, clients: CLIENTS, slots: SLOTS, pauseMs: PAUSE_MS, deeds, create };
    const driver = createDriver({ ...about, door: keeper.door });
    const driving = driver.run();
    driving.catch(() => {});
    await keeper.kill('SIGKILL');
    const kills = await killAtEach(keeper, notes, wanted, turn);
    await keeper.startReady();
    driver.stop();
    await driving;
    await waiting.stop();
    const answers = { ...driver, waits: waiting.waits };
    const verdict = await tellingHistory(directory, keeper, () =>
      judge(directory, keeper, answers, () => world.journal()),
    );
    const missing = [...kills].filter(([, count]) => count === 0).map(([name]) => name);
    const reaches = countReaches(parseNotes(readFileSync(notes, 'utf8')));
    return { ...verdict, kills, reaches, driver, starts: keeper.starts(), missing };
  } finally {
    await keeper.kill('SIGKILL');
    await waiting?.stop();
    await world.close();
    await destroy();
  }
}
