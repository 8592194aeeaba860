import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemRandom } from '../../src/actors/clock.ts';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import type { Published } from '../../src/actors/supervisor.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { bareSqliteMs, inMemoryMs } from '../baselines.ts';
import { instantHypervisor } from '../instant-hypervisor.ts';
import { type BenchOptions, clock, elapsedMs, median, type Row, shown } from '../measure.ts';
import { definitionNamed, META } from '../workload.ts';

/** How much longer than the slower of its two limits a storm may take. */
const AIM = 2;
/** And than its records alone, appended to a bare log: each is decided and made text besides, on the same core. */
const AIM_OF_LOG = 15;
const INSTANCES = 1_000;
const STORMS = 7;
const QUICK_STORMS = 4;
/** Before the clock counts, so that what is measured is compiled code. */
const WARM_UP_STORMS = 2;

const ALWAYS = { policy: 'always', backoff_ms: 1, max_attempts: 0, stable_after_ms: 600_000 } as const;
const CRASHED = { reason: 'crashed', code: null, message: null, ended_at: null } as const;

interface Storm {
  readonly ms: number;
  readonly records: number;
  readonly bareMs: number;
  readonly inMemoryMs: number;
}

/** Calls back for every record that says so; resolves at the `count`-th. */
function counting(is: (published: Published) => boolean) {
  let [left, reached] = [0, (): void => {}];
  return {
    see: (published: Published): void => {
      if (is(published) && --left === 0) reached();
    },
    next: (count: number): Promise<void> =>
      new Promise((resolve) => {
        [left, reached] = [count, resolve];
      }),
  };
}

/** All VMMs end in one moment: how long until every decision to restart is durable, against what appending them takes. */
export async function restartStorm({ quick, directory }: BenchOptions): Promise<Row[]> {
  const place = mkdtempSync(join(directory, 'statevisor-bench-'));
  const log = await openSqliteLog({ directory: place, clock });
  const attempted = counting(({ record }) => record.facts.some(({ type }) => type === 'restart.attempted'));
  const ready = counting(({ record }) => record.facts.some(({ type }) => type === 'instance.ready'));
  const supervisor = await createSupervisor({
    ...{ log, clock, random: systemRandom(), hypervisor: instantHypervisor() },
    onRecord: (published) => {
      attempted.see(published);
      ready.see(published);
    },
  });
  const up = ready.next(INSTANCES);
  const names = Array.from({ length: INSTANCES }, (_, n) => ({
    ...definitionNamed(`vm-${n}`),
    restart_policy: ALWAYS,
  }));
  const ids = await Promise.all(names.map(async (one) => (await supervisor.create(one, 'running', META)).id));
  await up;
  const spans: { readonly from: string; readonly to: string; readonly batches: number; readonly ms: number }[] = [];
  for (let run = 1; run <= WARM_UP_STORMS + (quick ? QUICK_STORMS : STORMS); run++) {
    const before = log.status();
    const [decided, upAgain] = [attempted.next(INSTANCES), ready.next(INSTANCES)];
    const ms = await elapsedMs(() => {
      for (const id of ids) supervisor.observe(id, { type: 'vmm.exited', run, ...CRASHED });
      return decided;
    });
    const after = log.status();
    const batches = Math.max(1, after.batches - before.batches);
    spans.push({ from: before.position!, to: after.position!, batches, ms });
    await upAgain;
    await clock.sleep(10);
  }
  await supervisor.close();
  const entries: { readonly position: string; readonly text: string }[] = [];
  for await (const { bytes, position } of log.readAll(null)) entries.push({ position, text: bytes });
  await log.close();
  rmSync(place, { recursive: true });
  const storms: Storm[] = [];
  for (const { from, to, batches, ms } of spans.slice(WARM_UP_STORMS)) {
    const first = entries.findIndex(({ position }) => position > from);
    const until = entries.filter(({ position }) => position <= to).map(({ text }) => text);
    const texts = until.slice(first);
    const bareMs = await bareSqliteMs(directory, texts, Math.ceil(texts.length / batches));
    storms.push({ ms, records: texts.length, bareMs, inMemoryMs: await inMemoryMs(until.map(parseRecord), first) });
  }
  const of = (key: keyof Storm): string => shown(median(storms.map((storm) => storm[key])));
  const name = `${INSTANCES} VMMs that end at once to the last durable decision about them`;
  const measured = `${of('ms')} ms for ${of('records')} records, median of ${storms.length}`;
  return [
    {
      ...{ name, measured },
      baseline: `the same records by XState + JSON + SHA-256 in memory ${of('inMemoryMs')} ms, into bare SQLite ${of('bareMs')} ms`,
      ratio: median(storms.map((storm) => storm.ms / Math.max(storm.bareMs, storm.inMemoryMs))),
      aim: { bound: 'at_most', value: AIM },
    },
    {
      ...{ name: `${name}, against the log alone`, measured },
      baseline: `the same records, already text, appended to bare SQLite in as large batches: ${of('bareMs')} ms`,
      ratio: median(storms.map((storm) => storm.ms / storm.bareMs)),
      aim: { bound: 'at_most', value: AIM_OF_LOG },
    },
  ];
}
