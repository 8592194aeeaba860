import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { type BenchOptions, clock, type Row, shown } from '../measure.ts';
import { createFleet } from '../workload.ts';

const AIM_BYTES = 4_096;
const INSTANCES = 10_000;
const QUICK_INSTANCES = 2_000;
const COLLECTIONS = 3;

/** The collector, which a process is given only on request. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

function heapBytes(): number {
  const gc = collector();
  for (let n = 0; n < COLLECTIONS; n++) gc();
  return process.memoryUsage().heapUsed;
}

/** Heap bytes of one instance that rests, all of them kept in memory, without the log's own memory. */
export async function memoryPerInstance({ quick, directory }: BenchOptions): Promise<Row[]> {
  const count = quick ? QUICK_INSTANCES : INSTANCES;
  // What is compiled, planned and cached once is there before the first look.
  const warm = await createFleet(createMemoryLog(), 1);
  await warm.supervisor.close();
  const place = mkdtempSync(join(directory, 'statevisor-bench-'));
  const log = await openSqliteLog({ directory: place, clock });
  const before = heapBytes();
  const fleet = await createFleet(log, count, { restingMax: count });
  const after = heapBytes();
  const resident = fleet.supervisor.status().resident;
  await fleet.supervisor.close();
  await log.close();
  rmSync(place, { recursive: true });
  if (resident !== count) throw new Error(`${resident} of ${count} instances are in memory.`);
  const bytes = (after - before) / count;
  return [
    {
      name: `memory of an idle instance (${shown(count)} at rest, all in memory)`,
      measured: `${shown(bytes)} bytes of heap each`,
      baseline: `the aim of ${shown(AIM_BYTES)} bytes`,
      ratio: bytes / AIM_BYTES,
      aim: { bound: 'at_most', value: 1 },
    },
  ];
}
