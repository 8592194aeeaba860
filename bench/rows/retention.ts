import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Log, LogHead, Token } from '../../src/actors/contracts/log.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { type BenchOptions, clock, elapsedMs, median, type Row, shown } from '../measure.ts';

/** What appends may cost beside the sweeping, at most: it takes the disk for a fifth of the time. */
const AIM = 2;
const STREAMS = 100;
const ENTRIES_EACH = 500;
const QUICK_ENTRIES_EACH = 60;
const WRITERS = 20;
const APPENDS_EACH = 100;
const QUICK_APPENDS_EACH = 25;
const ROUNDS = 5;
const QUICK_ROUNDS = 3;
const P99 = 0.99;
const TEXT = 'x'.repeat(1_000);

async function appendTo(log: Log, stream: string, count: number, onAppended: (ms: number) => void): Promise<void> {
  let prev: Token | null = null;
  for (let n = 0; n < count; n++) {
    const begun = clock.monotonic();
    const result = await log.append(stream, prev, TEXT);
    if (result.kind !== 'appended') throw new Error(JSON.stringify(result));
    prev = result.token;
    onAppended(clock.monotonic() - begun);
  }
}

/** 99th percentile of what an append took, of writers that each wait for one before the next. */
async function appendsP99Ms(log: Log, round: string, count: number): Promise<number> {
  const taken: number[] = [];
  const writers = Array.from({ length: WRITERS }, (_, n) =>
    appendTo(log, `${round} ${n}`, count, (ms) => taken.push(ms)),
  );
  await Promise.all(writers);
  return taken.sort((a, b) => a - b)[Math.floor(taken.length * P99)]!;
}

interface Round {
  readonly alone: number;
  readonly beside: number;
  /** To take the trimmed entries from all readers. */
  readonly trimMs: number;
}

async function round({ directory, quick }: BenchOptions): Promise<Round> {
  const place = mkdtempSync(join(directory, 'statevisor-bench-'));
  const log = await openSqliteLog({ directory: place, clock });
  const each = quick ? QUICK_ENTRIES_EACH : ENTRIES_EACH;
  const names = Array.from({ length: STREAMS }, (_, n) => `old ${n}`);
  await Promise.all(names.map((name) => appendTo(log, name, each, () => undefined)));
  const count = quick ? QUICK_APPENDS_EACH : APPENDS_EACH;
  const alone = await appendsP99Ms(log, 'alone', count);
  const heads: LogHead[] = [];
  for await (const head of log.heads()) if (head.stream.startsWith('old')) heads.push(head);
  const trimMs = await elapsedMs(async () => {
    for (const head of heads) await log.trim(head);
  });
  const beside = await appendsP99Ms(log, 'beside', count);
  await log.close();
  rmSync(place, { recursive: true });
  return { alone, beside, trimMs };
}

/** What live appends wait for while the room of removed records is given back. */
export async function retention(options: BenchOptions): Promise<Row[]> {
  const rounds: Round[] = [];
  for (let n = 0; n < (options.quick ? QUICK_ROUNDS : ROUNDS); n++) rounds.push(await round(options));
  const of = (key: keyof Round): number => median(rounds.map((measured) => measured[key]));
  return [
    {
      name: 'an append beside the removal of old records, 99th percentile',
      measured: `${shown(of('beside'))} ms; ${STREAMS} streams trimmed in ${shown(of('trimMs'))} ms`,
      baseline: `the same appends alone ${shown(of('alone'))} ms`,
      ratio: median(rounds.map(({ alone, beside }) => beside / alone)),
      aim: { bound: 'at_most', value: AIM },
      grossFactor: 5,
    },
  ];
}
