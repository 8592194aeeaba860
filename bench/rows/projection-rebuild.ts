import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../src/actors/contracts/log.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { PROJECTIONS } from '../../src/projections/all-projections.ts';
import { createProjections } from '../../src/projections/engine/projections.ts';
import { type BenchOptions, clock, elapsedMs, median, type Row, shown } from '../measure.ts';
import { createFleet } from '../workload.ts';

const AIM = 3;
const INSTANCES = 1_000;
const TRANSITIONS_EACH = 100;
const QUICK_TRANSITIONS_EACH = 20;
const ROUNDS = 5;
const QUICK_ROUNDS = 3;

async function prepare(place: string, quick: boolean): Promise<number> {
  const log = await openSqliteLog({ directory: place, clock });
  const fleet = await createFleet(log, INSTANCES);
  await fleet.transitions(INSTANCES * (quick ? QUICK_TRANSITIONS_EACH : TRANSITIONS_EACH));
  await fleet.rest();
  await fleet.supervisor.close();
  let records = 0;
  for await (const _ of log.readAll(null)) records += 1;
  await log.close();
  return records;
}

async function readAndParse(log: Log): Promise<void> {
  for await (const { bytes } of log.readAll(null)) JSON.parse(bytes);
}

async function rebuildAll(log: Log): Promise<void> {
  const report = ({ message, error }: { message: string; error?: unknown }): never => {
    throw new Error(message, { cause: error });
  };
  // As if it had begun with the log: otherwise what counts from the start of a process would have nothing to do.
  const fromTheBeginning: Log = { ...log, extent: async () => ({ completeAfter: null, last: null }) };
  const projections = await createProjections(PROJECTIONS, { log: fromTheBeginning, clock, report });
  await projections.rebuild(['instances', 'timeline', 'durations', 'totals']);
  await projections.close();
}

/** Every projection built from the whole log, against reading and parsing the same records. */
export async function projectionRebuild({ quick, directory }: BenchOptions): Promise<Row[]> {
  const place = mkdtempSync(join(directory, 'statevisor-bench-'));
  const records = await prepare(place, quick);
  const log = await openSqliteLog({ directory: place, clock });
  const rounds: { rebuilt: number; read: number }[] = [];
  for (let n = 0; n < (quick ? QUICK_ROUNDS : ROUNDS); n++) {
    const read = await elapsedMs(() => readAndParse(log));
    rounds.push({ read, rebuilt: await elapsedMs(() => rebuildAll(log)) });
  }
  await log.close();
  rmSync(place, { recursive: true });
  const perSecond = (ms: number): string => shown((records * 1_000) / ms);
  return [
    {
      name: `rebuild of all projections, ${shown(records)} records`,
      measured: `${perSecond(median(rounds.map(({ rebuilt }) => rebuilt)))} records/s`,
      baseline: `reading and parsing them ${perSecond(median(rounds.map(({ read }) => read)))}/s`,
      ratio: median(rounds.map(({ rebuilt, read }) => rebuilt / read)),
      aim: { bound: 'at_most', value: AIM },
    },
  ];
}
