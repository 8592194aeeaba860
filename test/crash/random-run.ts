import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { systemClock } from '../../src/actors/clock.ts';
import { makeTestedDirectory } from './daemon-process.ts';
import { createKeeper } from './keeper.ts';
import { createDriver, type Driver } from './load-driver.ts';
import { commandsMostly, controlWorldOf, createSimulated, hurryGuests } from './simulated-load.ts';
import { tellingHistory } from './told-history.ts';
import { judge, type Verdict } from './verdict.ts';
import { noteWaits, type WorldWaits } from './world-waits.ts';

/** Kills the daemon at random moments under as many commands as it takes. */

export interface Range {
  readonly least: number;
  readonly most: number;
}

export interface RandomRun {
  readonly kills: number;
  readonly seed: number;
  readonly clients: number;
  readonly slots: number;
  /** Pause of a client between two commands, ms. */
  readonly pauseMs: number;
  /** How long a daemon lives once it is ready, ms. */
  readonly lifeMs: Range;
  /** Every so many-th is killed during its start instead, after so many ms. */
  readonly earlyEvery: number;
  readonly earlyMs: Range;
}

export interface RandomResult extends Verdict {
  readonly driver: Driver;
  readonly kills: number;
  /** Kills of a daemon that had not become ready yet. */
  readonly early: number;
  /** Wall time of the load, downtime included, s. */
  readonly seconds: number;
  /** Of that, the time in which a daemon was up, s. */
  readonly upSeconds: number;
  /** VMMs that lived through at least one death of the daemon. */
  readonly adopted: number;
}

export async function runAtRandom(run: RandomRun): Promise<RandomResult> {
  const clock = systemClock();
  const generator = xoroshiro128plus(run.seed);
  const { directory, destroy } = await makeTestedDirectory();
  const keeper = createKeeper(directory, 'simulator');
  const world = controlWorldOf(directory);
  let waiting: WorldWaits | null = null;
  try {
    await keeper.startReady();
    await hurryGuests(world);
    waiting = noteWaits(world);
    const { seed, clients, slots, pauseMs } = run;
    const about = { seed, clients, slots, pauseMs, deeds: commandsMostly(world), create: createSimulated(world) };
    const driver = createDriver({ ...about, door: keeper.door });
    await keeper.kill('SIGKILL');
    const beganAt = clock.monotonic();
    const driving = driver.run();
    driving.catch(() => {});
    const killedAt: number[] = [];
    let early = 0;
    let upMs = 0;
    while (killedAt.length < run.kills) {
      const isEarly = killedAt.length % run.earlyEvery === run.earlyEvery - 1;
      const starting = isEarly ? keeper.start() : keeper.startReady().then((door) => ({ door }));
      if (!isEarly) await starting;
      const range = isEarly ? run.earlyMs : run.lifeMs;
      const readyAt = clock.monotonic();
      await clock.sleep(uniformInt(generator, range.least, range.most));
      if (!isEarly) upMs += clock.monotonic() - readyAt;
      killedAt.push(clock.now());
      await keeper.kill('SIGKILL');
      if ((await starting).door === null) early += 1;
    }
    await keeper.startReady();
    driver.stop();
    await driving;
    const seconds = (clock.monotonic() - beganAt) / 1_000;
    await waiting.stop();
    const answers = { ...driver, waits: waiting.waits };
    const verdict = await tellingHistory(directory, keeper, () =>
      judge(directory, keeper, answers, () => world.journal()),
    );
    const times = { seconds, upSeconds: upMs / 1_000 };
    return { ...verdict, driver, kills: killedAt.length, early, ...times, adopted: livedThrough(verdict, killedAt) };
  } finally {
    await keeper.kill('SIGKILL');
    await waiting?.stop();
    await world.close();
    await destroy();
  }
}

function livedThrough({ evidence: { journal } }: Verdict, moments: readonly number[]): number {
  const endOf = new Map<number, number>();
  for (const line of journal) if (line.type === 'vmm.ended') endOf.set(line.pid, line.at);
  const spawns = journal.filter((line) => line.type === 'vmm.spawned');
  const through = ({ pid, at }: { pid: number; at: number }): boolean => {
    const end = endOf.get(pid) ?? Number.POSITIVE_INFINITY;
    return moments.some((moment) => at < moment && moment < end);
  };
  return spawns.filter(through).length;
}
