import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemRandom } from '../../src/actors/clock.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { instantHypervisor } from '../instant-hypervisor.ts';
import { type BenchOptions, clock, elapsedMs, median, type Row, shown } from '../measure.ts';
import { createFleet, META } from '../workload.ts';

const AIM = 1.5;
/** On 2,000 heads the fixed part of a start weighs more than it should. */
const GROSS_FACTOR = 4;
const HEADS = 10_000;
const QUICK_HEADS = 2_000;
const ROUNDS = 5;
const QUICK_ROUNDS = 3;
/** So many transitions an instance lie before its head: heads are not neighbours of the records with the definition. */
const TRANSITIONS_EACH = 5;

async function prepare(place: string, count: number): Promise<string> {
  const log = await openSqliteLog({ directory: place, clock });
  const fleet = await createFleet(log, count);
  await fleet.transitions(count * TRANSITIONS_EACH);
  await fleet.rest();
  const id = fleet.supervisor.resolve('vm-0');
  await fleet.supervisor.close();
  await log.close();
  return id;
}

/** Opens the log, starts the runtime over it and gets the first command answered. */
async function recover(place: string, id: string): Promise<void> {
  const log = await openSqliteLog({ directory: place, clock });
  const random = systemRandom();
  const supervisor = await createSupervisor({ log, hypervisor: instantHypervisor(), clock, random });
  await supervisor.command(id, { type: 'stop', by: 'bench' }, META);
  stopped.push(async () => {
    await supervisor.close();
    await log.close();
  });
}

/** Closing is not part of what is measured. */
const stopped: (() => Promise<void>)[] = [];

async function readHeads(place: string): Promise<void> {
  const log = await openSqliteLog({ directory: place, clock });
  for await (const { bytes } of log.heads()) JSON.parse(bytes);
  stopped.push(() => log.close());
}

async function timed(work: () => Promise<void>): Promise<number> {
  const ms = await elapsedMs(work);
  for (const stop of stopped.splice(0)) await stop();
  return ms;
}

/** From nothing to the first answered command, against reading and parsing the heads, both with the opening of the log. */
export async function recovery({ quick, directory }: BenchOptions): Promise<Row[]> {
  const place = mkdtempSync(join(directory, 'statevisor-bench-'));
  const count = quick ? QUICK_HEADS : HEADS;
  const id = await prepare(place, count);
  const rounds: { recovered: number; read: number }[] = [];
  for (let n = 0; n < (quick ? QUICK_ROUNDS : ROUNDS); n++) {
    const read = await timed(() => readHeads(place));
    rounds.push({ read, recovered: await timed(() => recover(place, id)) });
  }
  rmSync(place, { recursive: true });
  return [
    {
      name: `recovery to the first answered command, ${shown(count)} heads`,
      measured: `${shown(median(rounds.map(({ recovered }) => recovered)))} ms`,
      baseline: `opening the log, reading and parsing the heads ${shown(median(rounds.map(({ read }) => read)))} ms`,
      ratio: median(rounds.map(({ recovered, read }) => recovered / read)),
      aim: { bound: 'at_most', value: AIM },
      grossFactor: GROSS_FACTOR,
    },
  ];
}
