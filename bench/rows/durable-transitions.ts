import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { bareSqliteMs, inMemoryMs } from '../baselines.ts';
import { type BenchOptions, clock, elapsedMs, median, type Row, shown } from '../measure.ts';
import { createFleet } from '../workload.ts';

const AIM = 0.6;

interface Level {
  readonly inFlight: number;
  readonly transitions: number;
  readonly rounds: number;
}

const LEVELS: readonly Level[] = [
  { inFlight: 1, transitions: 5_000, rounds: 5 },
  { inFlight: 100, transitions: 50_000, rounds: 5 },
  { inFlight: 10_000, transitions: 100_000, rounds: 3 },
];
const QUICK_LEVELS: readonly Level[] = [
  { inFlight: 1, transitions: 600, rounds: 3 },
  { inFlight: 100, transitions: 6_000, rounds: 3 },
  { inFlight: 2_000, transitions: 12_000, rounds: 2 },
];
/** Transitions before the clock starts, so that what is measured is compiled code. */
const WARM_UP_SHARE = 0.5;

interface Round {
  readonly perSecond: number;
  readonly inMemoryPerSecond: number;
  readonly barePerSecond: number;
  readonly batch: number;
}

async function round({ directory }: BenchOptions, { inFlight, transitions }: Level): Promise<Round> {
  const place = mkdtempSync(join(directory, 'statevisor-bench-'));
  const log = await openSqliteLog({ directory: place, clock });
  const fleet = await createFleet(log, inFlight);
  await fleet.transitions(transitions * WARM_UP_SHARE);
  await fleet.rest();
  const before = log.status();
  const ms = await elapsedMs(() => fleet.transitions(transitions));
  const after = log.status();
  await fleet.rest();
  const texts: string[] = [];
  let from = 0;
  for await (const { bytes, position } of log.readAll(null)) {
    if (position > after.position!) break;
    if (position <= before.position!) from += 1;
    texts.push(bytes);
  }
  await fleet.supervisor.close();
  await log.close();
  rmSync(place, { recursive: true });
  const timed = texts.slice(from);
  const batch = Math.max(1, Math.round(timed.length / (after.batches - before.batches)));
  const inMemory = await inMemoryMs(texts.map(parseRecord), from);
  const bare = await bareSqliteMs(directory, timed, batch);
  const perSecond = (count: number, taken: number): number => (count * 1_000) / taken;
  return {
    perSecond: perSecond(transitions, ms),
    inMemoryPerSecond: perSecond(timed.length, inMemory),
    barePerSecond: perSecond(timed.length, bare),
    batch,
  };
}

/** Durable transitions per second against the slower of what XState alone and SQLite alone would take. */
export async function durableTransitions(options: BenchOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const level of options.quick ? QUICK_LEVELS : LEVELS) {
    const rounds: Round[] = [];
    for (let n = 0; n < level.rounds; n++) rounds.push(await round(options, level));
    const of = (key: keyof Round): number => median(rounds.map((measured) => measured[key]));
    const ratios = rounds.map(
      (measured) => measured.perSecond / Math.min(measured.inMemoryPerSecond, measured.barePerSecond),
    );
    rows.push({
      name: `durable transitions, ${level.inFlight.toLocaleString('en')} in flight`,
      measured: `${shown(of('perSecond'))}/s in batches of ${shown(of('batch'))}`,
      baseline: `XState + JSON + SHA-256 in memory ${shown(of('inMemoryPerSecond'))}/s, bare SQLite ${shown(of('barePerSecond'))}/s`,
      ratio: median(ratios),
      aim: { bound: 'at_least', value: AIM },
    });
  }
  return rows;
}
