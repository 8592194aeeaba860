import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../src/actors/clock.ts';
import type { Token } from '../src/actors/contracts/log.ts';
import { openSqliteLog } from '../src/adapters/log-sqlite/sqlite-log.ts';

/**
 * Where should the log's writer run? The same appends with the storage on the main thread and in a worker, rounds
 * interleaved: throughput, how busy the main thread is, and how long it does not answer. Prints medians and ratios.
 *
 *   node bench/log-placement.ts [--quick] [--dir DIRECTORY]
 */
const QUICK = process.argv.includes('--quick');
const ROUNDS = QUICK ? 1 : 5;
const ROUND_MS = QUICK ? 150 : 2_000;
const WARM_UP_MS = QUICK ? 50 : 500;
const WRITERS = [1, 100, 1_000];
const PAYLOAD_CHARS = 1_000;
const NS_PER_MS = 1e6;

interface Measure {
  readonly appendsPerSecond: number;
  readonly medianMs: number;
  /** Share of the time in which the main thread was not waiting for something to do. */
  readonly busy: number;
  /** 99th percentile and most of the delays of a timer that should fire every millisecond. */
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
}

const clock = systemClock();

function directoryArgument(): string {
  const at = process.argv.indexOf('--dir');
  return at < 0 ? tmpdir() : process.argv[at + 1]!;
}

async function measure(placement: 'worker' | 'main', writers: number): Promise<Measure> {
  const directory = mkdtempSync(join(directoryArgument(), 'statevisor-bench-'));
  const log = await openSqliteLog({ directory, clock, placement });
  const latencies: number[] = [];
  let count = 0;
  let stop = false;
  const bytes = JSON.stringify({ filling: 'x'.repeat(PAYLOAD_CHARS) });
  const write = async (stream: string): Promise<void> => {
    for (let prev: Token | null = null; !stop; ) {
      const begun = clock.monotonic();
      const result = await log.append(stream, prev, bytes);
      if (result.kind !== 'appended') throw new Error(JSON.stringify(result));
      prev = result.token;
      latencies.push(clock.monotonic() - begun);
      count += 1;
    }
  };
  const writing = Array.from({ length: writers }, (_, n) => write(`instance ${n}`));
  await clock.sleep(WARM_UP_MS);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const before = performance.eventLoopUtilization();
  const begunAt = clock.monotonic();
  count = 0;
  latencies.length = 0;
  await clock.sleep(ROUND_MS);
  const elapsedMs = clock.monotonic() - begunAt;
  const appendsPerSecond = (count * 1_000) / elapsedMs;
  const busy = performance.eventLoopUtilization(before).utilization;
  delay.disable();
  stop = true;
  await Promise.all(writing);
  await log.close();
  rmSync(directory, { recursive: true });
  return {
    appendsPerSecond,
    medianMs: median(latencies),
    busy,
    delayP99Ms: delay.percentile(99) / NS_PER_MS,
    delayMaxMs: delay.max / NS_PER_MS,
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function summary(measures: readonly Measure[]): Measure {
  const of = (key: keyof Measure): number => median(measures.map((measured) => measured[key]));
  return {
    appendsPerSecond: of('appendsPerSecond'),
    medianMs: of('medianMs'),
    busy: of('busy'),
    delayP99Ms: of('delayP99Ms'),
    delayMaxMs: of('delayMaxMs'),
  };
}

function show(name: string, measured: Measure): string {
  const { appendsPerSecond, medianMs, busy, delayP99Ms, delayMaxMs } = measured;
  return [
    name.padEnd(7),
    `${appendsPerSecond.toFixed(0).padStart(7)}/s`,
    `append p50 ${medianMs.toFixed(2)} ms`,
    `main thread busy ${(busy * 100).toFixed(0)} %`,
    `loop delay p99 ${delayP99Ms.toFixed(1)} ms, most ${delayMaxMs.toFixed(1)} ms`,
  ].join('  ');
}

console.log(
  `node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${ROUNDS} rounds, interleaved`,
);
for (const writers of WRITERS) {
  const rounds: { main: Measure; worker: Measure }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ main: await measure('main', writers), worker: await measure('worker', writers) });
  }
  const main = summary(rounds.map((round) => round.main));
  const worker = summary(rounds.map((round) => round.worker));
  console.log(`\n${writers} writers, one append each in flight, ${PAYLOAD_CHARS} characters`);
  console.log(show('main', main));
  console.log(show('worker', worker));
  console.log(
    `worker / main: throughput ${(worker.appendsPerSecond / main.appendsPerSecond).toFixed(2)}, ` +
      `busy ${(worker.busy / main.busy).toFixed(2)}, loop delay p99 ${(worker.delayP99Ms / main.delayP99Ms).toFixed(2)}`,
  );
}
