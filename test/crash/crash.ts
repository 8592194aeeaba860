import { FAULT_POINTS } from '../../src/actors/fault-points.ts';
import { ALL_SPOTS, type KillSpot, type PointsResult, runAtPoints, STANDBY_SPOTS } from './points-run.ts';
import { runAtQemu } from './qemu-run.ts';
import { runAtRandom } from './random-run.ts';
import { livesTold } from './told-history.ts';
import { tell, type Verdict } from './verdict.ts';

/** The long crash runs, one by name: `points`, `standby`, `random` (simulator), `qemu`. Exit status 1: a law was broken. */

/** At the first, the second and the third time that a moment comes. */
const KILLS_PER_SPOT = 3;
const STANDBY_KILLS_PER_SPOT = 1;
const RANDOM_KILLS = 104;
/**
 * The daemon is given as much as it takes: so many commands, or, on a machine that does fewer, so many that most clients wait
 * for it whenever it is killed. What a machine does undisturbed says nothing of that: a daemon that lives for a second is
 * compiling, which a busy machine does at a seventh of that rate.
 */
const COMMANDS_PER_SECOND_MIN = 200;
const WAITING_SHARE_MIN = 0.5;
/** Those that wait are answered too: some by every daemon. */
const ANSWERED_PER_KILL_MIN = 10;
const RANDOM_RUN = {
  ...{ seed: 7, clients: 48, slots: 150, pauseMs: 15 },
  lifeMs: { least: 100, most: 1_800 },
  earlyEvery: 8,
  earlyMs: { least: 50, most: 600 },
};

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function lifeTold({ evidence, driver }: Pick<PointsResult, 'evidence' | 'driver'>): string {
  const spawns = evidence.journal.filter(({ type }) => type === 'vmm.spawned').length;
  const repeated = driver.acknowledged.filter(({ tries }) => tries > 1).length;
  return (
    `${driver.acknowledged.length} commands acknowledged (${repeated} after a lost answer), ` +
    `${driver.refused.length} refused, ${evidence.entries.length} records, ${spawns} VMMs spawned`
  );
}

/** What was broken, by whom, and what became of those: none when nothing was. */
function broken({ violations, evidence }: Verdict): string {
  return [tell(violations), ...livesTold(violations, evidence)].join('\n');
}

/** Two halves of the spots at the same time, each on a data directory of its own, as many rounds as kills. */
async function atEach(spots: readonly KillSpot[], times: number, sleeping: boolean): Promise<boolean> {
  const kills = new Map<string, number>();
  const reaches = new Map<string, number>();
  let good = true;
  const halves = [0, 1].map((half) => spots.filter((_, index) => index % 2 === half));
  for (let round = 0; round < times; round++) {
    const run = (places: readonly KillSpot[], half: number): Promise<PointsResult> =>
      runAtPoints(places, { turn: round, seed: 2 * round + half + 1, sleeping });
    const results = await Promise.all(halves.map(run));
    for (const result of results) {
      for (const [name, count] of result.kills) kills.set(name, (kills.get(name) ?? 0) + count);
      for (const [point, count] of result.reaches) reaches.set(point, (reaches.get(point) ?? 0) + count);
      say(`round ${round + 1}: ${result.starts} starts, ${lifeTold(result)}, ${broken(result)}`);
      good &&= result.violations.length === 0;
    }
  }
  for (const point of FAULT_POINTS) {
    const here = [...kills].filter(([name]) => name.startsWith(`${point} `));
    const sum = here.reduce((total, [, count]) => total + count, 0);
    say(`${point}: ${sum} kills, reached ${reaches.get(point) ?? 0} times`);
    say(`  ${here.map(([name, count]) => `${name.slice(point.length + 1)} ${count}`).join(', ')}`);
    good &&= sum >= times;
  }
  const short = [...kills].filter(([, count]) => count < times);
  say(`${kills.size} places; fewer than ${times} kills at ${short.length} of them ${short.join('; ')}`);
  return good && short.length === 0;
}

const points = (): Promise<boolean> => atEach(ALL_SPOTS, KILLS_PER_SPOT, false);
const standby = (): Promise<boolean> => atEach(STANDBY_SPOTS, STANDBY_KILLS_PER_SPOT, true);

async function random(): Promise<boolean> {
  const result = await runAtRandom({ ...RANDOM_RUN, kills: RANDOM_KILLS });
  const answered = result.driver.acknowledged.length;
  const rate = answered / result.upSeconds;
  const cutPerKill = result.driver.lost() / result.kills;
  const isWaitedFor = cutPerKill >= WAITING_SHARE_MIN * RANDOM_RUN.clients;
  const isLoaded = rate >= COMMANDS_PER_SECOND_MIN || (isWaitedFor && answered / result.kills >= ANSWERED_PER_KILL_MIN);
  say(
    `${result.kills} kills at random moments in ${Math.round(result.seconds)} s, ${result.early} of them before ready`,
  );
  const overall = Math.round(answered / result.seconds);
  say(`${Math.round(cutPerKill)} commands cut off by each kill`);
  say(`${Math.round(rate)} commands/s while a daemon was up, ${overall}/s with all downtime; ${lifeTold(result)}`);
  say(`${result.adopted} VMMs lived through at least one death of the daemon`);
  say(broken(result));
  if (!isLoaded) say('the daemon was not given as much as it takes');
  return result.violations.length === 0 && isLoaded;
}

async function qemu(): Promise<boolean> {
  const result = await runAtQemu();
  for (const [point, count] of result.kills) say(`${point}: ${count} kills`);
  say(`${lifeTold(result)}; ${result.adopted} times a VMM kept its pid through a death of the daemon`);
  say(broken(result));
  return result.violations.length === 0 && [...result.kills.values()].every((count) => count > 0);
}

const runs = { points, standby, random, qemu };
const name = process.argv[2];
if (name === undefined || !(name in runs)) throw new Error('usage: crash points|standby|random|qemu');
process.exit((await runs[name as keyof typeof runs]()) ? 0 : 1);
