/**
 * Goal: a reader with a cursor gets every record of the log once and in order, whatever it does. Method: random appends
 * while readers come, read a while, leave and come back, over the memory log in simulated time.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import type { Log } from '../../../src/actors/contracts/log.ts';
import { createMemoryLog } from '../../../src/adapters/log-memory/memory-log.ts';
import {
  ALIVE_EVERY_MS,
  BEGINNING,
  CHUNK_RECORDS,
  type Cursor,
  createRecordFeed,
  type FeedFilter,
  type RecordFeed,
} from '../../../src/projections/feed/record-feed.ts';
import { RING_RECORDS_MAX } from '../../../src/projections/feed/record-ring.ts';
import { allOf, streamName, type Writer, writer } from './feed-scene.ts';

let clock: SimulatedClock;
let log: Log;
let feed: RecordFeed;
let out: Writer;

beforeEach(() => {
  clock = new SimulatedClock(0);
  log = createMemoryLog();
  feed = createRecordFeed(log, clock);
  out = writer(log);
});
afterEach(() => log.close());

async function writeMany(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await out.write(n % 3);
}

/** Follows from a cursor and collects positions, at most `most` of them. */
function reader(after: Cursor, filter: FeedFilter = {}, most = Number.POSITIVE_INFINITY) {
  const positions: string[] = [];
  const cursors: Cursor[] = [];
  const leave = new AbortController();
  const ended = (async () => {
    for await (const item of feed.follow(after, filter, leave.signal)) {
      if (item.kind === 'alive') cursors.push(item.cursor);
      else if (positions.push(item.record.position) >= most) break;
    }
  })();
  ended.catch(() => {});
  const stop = async (): Promise<void> => {
    leave.abort();
    await ended;
  };
  return { positions, cursors, ended, stop };
}

describe('a reader of the feed', () => {
  test('gets the union exactly, over any appends, leavings and returns', async () => {
    const act = fc.oneof(
      fc.record({ write: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ read: fc.integer({ min: 1, max: 60 }), reader: fc.nat(3) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 4, maxLength: 40 }), async (acts) => {
        const own = createMemoryLog();
        const ownFeed = createRecordFeed(own, new SimulatedClock(0));
        const ownOut = writer(own);
        const seen = [0, 1, 2, 3].map(() => [] as string[]);
        const take = async (got: string[], most: number): Promise<void> => {
          const leave = new AbortController();
          const behind = (await allOf(own)).length - got.length;
          let left = Math.min(most, behind);
          if (left === 0) return;
          for await (const item of ownFeed.follow(got.at(-1) ?? BEGINNING, {}, leave.signal)) {
            if (item.kind === 'record') got.push(item.record.position);
            if (item.kind === 'record' && --left === 0) break;
          }
        };
        // Nobody waits for the writes: readers come and go in the midst of them.
        const writes: Promise<string>[] = [];
        for (const one of acts) {
          if ('write' in one) for (let n = 0; n < one.write; n++) writes.push(ownOut.write(n % 3));
          else await take(seen[one.reader]!, one.read);
        }
        await Promise.all(writes);
        const all = (await allOf(own)).map(({ position }) => position);
        for (const got of seen) {
          await take(got, all.length);
          expect(got).toEqual(all);
        }
        expect(ownFeed.followers()).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  test('is not lost when it is further behind than what is kept in memory, nor when it reads slowly', async () => {
    const live = reader(BEGINNING);
    await writeMany(RING_RECORDS_MAX + CHUNK_RECORDS);
    const late = reader(BEGINNING);
    await clock.settle();
    await writeMany(10);
    await clock.settle();
    const all = (await allOf(log)).map(({ position }) => position);
    expect(live.positions).toEqual(all);
    expect(late.positions).toEqual(all);
    await Promise.all([live.stop(), late.stop()]);
  });

  test('hears that it is served, with a cursor that has moved, while nothing passes its filter', async () => {
    await writeMany(3);
    const one = reader(BEGINNING, { stream: streamName(7) });
    await clock.advance(ALIVE_EVERY_MS + 1);
    expect(one.positions).toEqual([]);
    expect(one.cursors.at(-1)).toBe((await log.extent()).last);
    await one.stop();
  });

  test('gets only what its filter lets through', async () => {
    await writeMany(24);
    const records = await feed.page(BEGINNING, 100, { stream: streamName(1), type: 'vmm.' });
    const kept = records.records.map(({ json }) => JSON.parse(json) as { stream: string; event: { type: string } });
    expect(kept.length).toBeGreaterThan(0);
    for (const record of kept) expect(record).toMatchObject({ stream: streamName(1), event: { type: 'vmm.exited' } });
  });

  test('sees each record as it is stored, with its position and time', async () => {
    const position = await out.write(0);
    const { records } = await feed.page(BEGINNING, 1, {});
    const stored = JSON.parse((await allOf(log))[0]!.bytes) as object;
    expect(JSON.parse(records[0]!.json)).toEqual({ position, time: '1970-01-01T00:00:00.001Z', ...stored });
  });
});

describe('pages of the feed', () => {
  test('make up the whole, each going on where the one before ended', async () => {
    await writeMany(500);
    const got: string[] = [];
    for (let [after, more]: [Cursor, boolean] = [BEGINNING, true]; more; ) {
      const page = await feed.page(after, 77, {});
      got.push(...page.records.map(({ position }) => position));
      [after, more] = [page.next, page.more];
    }
    expect(got).toEqual((await allOf(log)).map(({ position }) => position));
  });

  test('of an empty log have a cursor that holds', async () => {
    expect(await feed.page(BEGINNING, 10, {})).toEqual({ records: [], next: BEGINNING, more: false });
    expect(await feed.end()).toBe(BEGINNING);
    await writeMany(1);
    expect((await feed.page(BEGINNING, 10, {})).records).toHaveLength(1);
  });
});

describe('a cursor that cannot be gone on from', () => {
  test.each([
    ['of another log, behind the end of this one', '9999999999999999', 'too_new'],
    ['that is no position', 'yesterday', 'malformed'],
    ['that is too short to be one', '0', 'malformed'],
    ['that is a number without its leading zeros', '2', 'malformed'],
    ['that is too long, and behind the end as a text', '99999999999999999', 'malformed'],
    ['that is too long to be one', '00000000000000001', 'malformed'],
  ])('%s, is refused', async (_what, cursor, problem) => {
    await writeMany(3);
    await expect(feed.page(cursor, 1, {})).rejects.toMatchObject({ problem });
    await expect(reader(cursor).ended).rejects.toMatchObject({ problem });
    expect(feed.followers()).toBe(0);
  });

  test('because what came after it was removed, is told what the oldest is', async () => {
    await writeMany(9);
    const [first] = await allOf(log);
    const kept = (await allOf(log)).findLast(({ stream }) => stream === first!.stream)!;
    await log.trim(kept);
    const { completeAfter } = await log.extent();
    await expect(feed.page(first!.position, 1, {})).rejects.toMatchObject({
      problem: 'too_old',
      oldest: completeAfter,
    });
    const { records } = await feed.page(completeAfter!, 100, {});
    expect(records.map(({ position }) => position)).toEqual(
      (await allOf(log)).map(({ position }) => position).filter((position) => position > completeAfter!),
    );
    expect((await feed.page(BEGINNING, 100, {})).records).toEqual(records);
  });
});

test('when the log ends its followers are told, and none is left', async () => {
  const one = reader(BEGINNING);
  await clock.settle();
  await log.close();
  await expect(one.ended).rejects.toMatchObject({ code: 'log_unavailable' });
  expect(feed.followers()).toBe(0);
});

test('when the feed is closed its followers end, and no new one is taken', async () => {
  const one = reader(BEGINNING);
  await clock.settle();
  feed.close();
  await expect(one.ended).rejects.toMatchObject({ code: 'log_unavailable' });
  await expect(reader(BEGINNING).ended).rejects.toMatchObject({ code: 'log_unavailable' });
});
