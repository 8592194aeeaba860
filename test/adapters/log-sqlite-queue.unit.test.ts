import assert from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/actors/clock.ts';
import type { AppendResult } from '../../src/actors/contracts/log.ts';
import type { StoragePort } from '../../src/adapters/log-sqlite/placement.ts';
import { ITEMS_PER_APPEND, type Reply, type Request } from '../../src/adapters/log-sqlite/protocol.ts';
import { createSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';

const APPENDS_THAT_MAY_WAIT = 100_000;
const APPENDS_IN_A_BATCH = 512;

/** A storage that answers only when it is told to. */
function heldStorage() {
  const asked: { request: Request; answer: (reply: Reply) => void }[] = [];
  const gone = Promise.withResolvers<string>();
  let lastSeq = 0;
  const port: StoragePort = {
    opening: { kind: 'opened', lastSeq: 0, streams: 0, full: false, unswept: 0, completeAfter: 0 },
    request: (request) => new Promise((answer) => asked.push({ request, answer })),
    gone: gone.promise,
  };
  /** Answers the oldest batch as written; returns how many appends it had. */
  const writeOne = (): number => {
    const { request, answer } = asked.shift()!;
    assert.equal(request.kind, 'append');
    const count = request.kind === 'append' ? request.appends.length / ITEMS_PER_APPEND : 0;
    const seqs = Float64Array.from({ length: count }, () => ++lastSeq);
    answer({ kind: 'appends', seqs, versions: new Float64Array(count).fill(1), others: [], full: false });
    return count;
  };
  return { port, asked, gone: gone.resolve, writeOne };
}

function setUp() {
  const storage = heldStorage();
  const clock = new SimulatedClock(0);
  const log = createSqliteLog(storage.port, clock);
  const answers: AppendResult[] = [];
  const appendMany = (count: number): void => {
    for (let n = 0; n < count; n++) void log.append('a', null, 'x').then((answer) => answers.push(answer));
  };
  return { ...storage, clock, log, answers, appendMany };
}

describe('appends to the SQLite log', () => {
  test('made in one turn of the event loop share a batch', async () => {
    const { clock, asked, appendMany, answers, writeOne } = setUp();
    appendMany(7);
    await clock.settle();
    expect(asked).toHaveLength(1);
    expect(answers).toHaveLength(0);
    expect(writeOne()).toBe(7);
    await clock.settle();
    expect(answers.map((answer) => answer.kind === 'appended' && Number(answer.position))).toEqual([
      1, 2, 3, 4, 5, 6, 7,
    ]);
  });

  test('made while batches are being written form the next one', async () => {
    const { clock, asked, appendMany, writeOne } = setUp();
    for (const count of [1, 2, 3, 4, 5]) {
      appendMany(count);
      await clock.settle();
    }
    expect(asked).toHaveLength(2);
    expect([writeOne(), writeOne()]).toEqual([1, 2]);
    await clock.settle();
    expect(writeOne()).toBe(3 + 4 + 5);
  });

  test('are refused beyond what may wait, and written in batches of bounded size', async () => {
    const { clock, asked, appendMany, answers, writeOne } = setUp();
    appendMany(APPENDS_THAT_MAY_WAIT + 5);
    await clock.settle();
    expect(answers).toHaveLength(5);
    for (const answer of answers) expect(answer).toMatchObject({ kind: 'refused', reason: 'unavailable' });
    while (asked.length > 0) {
      expect(writeOne()).toBeLessThanOrEqual(APPENDS_IN_A_BATCH);
      await clock.settle();
    }
    expect(answers).toHaveLength(APPENDS_THAT_MAY_WAIT + 5);
  });

  test('under way when the storage is lost are unknown; later ones are refused and subscriptions fail', async () => {
    const { clock, log, asked, gone, appendMany, answers } = setUp();
    const following = log.subscribe(null, new AbortController().signal)[Symbol.asyncIterator]().next();
    appendMany(2);
    await clock.settle();
    asked.shift()!.answer({ kind: 'failed', message: 'the thread has ended' });
    gone('the thread has ended');
    await assert.rejects(following, { code: 'log_unavailable' });
    await clock.settle();
    expect(answers).toEqual([
      { kind: 'unknown', message: 'the thread has ended' },
      { kind: 'unknown', message: 'the thread has ended' },
    ]);
    expect(await log.append('a', null, 'x')).toMatchObject({ kind: 'refused', reason: 'unavailable' });
    expect(log.state()).toEqual({
      mode: 'log_unreachable',
      reachable: false,
      since: clock.now(),
      message: 'the thread has ended',
    });
  });
});
