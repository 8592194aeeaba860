/**
 * Goal: a cursor holds over restarts of the daemon. Method: the SQLite log is closed and opened again, at moments that
 * fall into the midst of writing and reading, while readers go on from where they were.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seededRandom, systemClock } from '../../../src/actors/clock.ts';
import type { Log } from '../../../src/actors/contracts/log.ts';
import { openSqliteLog } from '../../../src/adapters/log-sqlite/sqlite-log.ts';
import { BEGINNING, createRecordFeed } from '../../../src/projections/feed/record-feed.ts';
import { allOf, streamName } from './feed-scene.ts';

const READERS = 10;
const LIVES = 6;
const STREAMS = 5;
const WRITES_PER_LIFE = 120;

const clock = systemClock();

/** Appends to every stream until it is told to stop or the log is closed. */
async function writeOn(log: Log, stream: string, most: number): Promise<void> {
  for (let n = 0; n < most; n++) {
    const head = await log.head(stream).catch(() => null);
    const version = (head?.version ?? 0) + 1;
    const record = { id: `${stream}-${version}`, stream, version, at: version, event: { type: 'stop' }, cause: {} };
    const result = await log.append(stream, head?.token ?? null, JSON.stringify(record));
    if (result.kind !== 'appended') return;
  }
}

test('readers go on over restarts of the log in the midst of writing: the union is exact', {
  timeout: 60_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'statevisor-feed-'));
  const random = seededRandom(3, clock);
  const roll = (most: number): number => Number.parseInt(random.hex(3), 16) % most;
  const seen = Array.from({ length: READERS }, () => [] as string[]);
  try {
    for (let life = 0; life < LIVES; life++) {
      const log = await openSqliteLog({ directory, clock, ballastBytes: 0 });
      const feed = createRecordFeed(log, clock);
      const leave = new AbortController();
      const readers = seen.map(async (got) => {
        for await (const item of feed.follow(got.at(-1) ?? BEGINNING, {}, leave.signal)) {
          if (item.kind === 'record') got.push(item.record.position);
          if (roll(200) === 0) return;
        }
      });
      const settled = Promise.allSettled(readers);
      const writers = Array.from({ length: STREAMS }, (_, n) => writeOn(log, streamName(n), WRITES_PER_LIFE / STREAMS));
      await Promise.all(writers.slice(0, 1 + roll(STREAMS)));
      if (roll(2) === 0) feed.close();
      else leave.abort();
      await log.close();
      feed.close();
      await Promise.all([settled, ...writers]);
    }
    const log = await openSqliteLog({ directory, clock, ballastBytes: 0 });
    const feed = createRecordFeed(log, clock);
    const all = (await allOf(log)).map(({ position }) => position);
    expect(all.length).toBeGreaterThan(STREAMS * LIVES);
    for (const got of seen) {
      for (let [after, more] = [got.at(-1) ?? BEGINNING, true]; more; ) {
        const page = await feed.page(after, 50, {});
        got.push(...page.records.map(({ position }) => position));
        [after, more] = [page.next, page.more];
      }
      expect(got).toEqual(all);
    }
    await log.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
