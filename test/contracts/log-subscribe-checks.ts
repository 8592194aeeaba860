import assert from 'node:assert/strict';
import type { Log, LogEntry } from '../../src/actors/contracts/log.ts';
import { appendMany, assertAscending, collect, type Follower, follow, type LogCheck, within } from './log-check.ts';

const WRITERS = 30;
const ENTRIES_PER_WRITER = 20;
const FOLLOWERS = 10;

/** Exactly the entries of the log after a position: no gap, no repeat, no other order. */
function assertSame(actual: readonly LogEntry[], expected: readonly LogEntry[]): void {
  assertAscending(actual);
  assert.deepEqual(actual, expected);
}

async function endAll(followers: readonly Follower[]): Promise<void> {
  for (const follower of followers) follower.abort();
  await within('the end of the subscriptions', Promise.all(followers.map((follower) => follower.ended)));
}

async function catchesUpThenGoesLive(log: Log): Promise<void> {
  await appendMany(log, 'before', 10);
  const follower = follow(log, null);
  await follower.has(10);
  await appendMany(log, 'live', 5);
  await follower.has(15);
  await endAll([follower]);
  assertSame(follower.entries, await collect(log.readAll(null)));
}

async function losesNothingUnderWrites(log: Log): Promise<void> {
  const half = await Promise.all(
    Array.from({ length: WRITERS }, (_, n) => appendMany(log, `first ${n}`, ENTRIES_PER_WRITER)),
  );
  const middle = half
    .flat()
    .map((result) => result.position)
    .sort()[100]!;
  const followers: Follower[] = [];
  const writing = Array.from({ length: WRITERS }, async (_, n) => {
    // Each subscription begins at another moment of the writing, which is where gaps and repeats would come from.
    const results = await appendMany(log, `second ${n}`, ENTRIES_PER_WRITER / 2);
    if (n < FOLLOWERS) followers.push(follow(log, n % 2 === 0 ? null : middle));
    await appendMany(log, `third ${n}`, ENTRIES_PER_WRITER / 2);
    return results;
  });
  await Promise.all(writing);
  const all = await collect(log.readAll(null));
  const tail = all.filter((entry) => entry.position > middle);
  assert.equal(all.length, 2 * WRITERS * ENTRIES_PER_WRITER);
  assert.equal(followers.length, FOLLOWERS);
  for (const follower of followers) {
    const whole = follower.entries[0]?.position === all[0]!.position;
    await follower.has(whole ? all.length : tail.length);
  }
  await endAll(followers);
  for (const follower of followers) {
    assertSame(follower.entries, follower.entries.length === all.length ? all : tail);
  }
}

async function endsOnAbort(log: Log): Promise<void> {
  await appendMany(log, 'a', 3);
  const idle = follow(log, null);
  const other = follow(log, null);
  await Promise.all([idle.has(3), other.has(3)]);
  await endAll([idle]);
  await appendMany(log, 'b', 2);
  await other.has(5);
  assert.equal(idle.entries.length, 3, 'nothing comes after the end');
  await endAll([other]);
  const late = new AbortController();
  late.abort();
  assert.deepEqual(await collect(log.subscribe(null, late.signal)), []);
}

async function resumesAfterAPosition(log: Log): Promise<void> {
  await appendMany(log, 'a', 4);
  const all = await collect(log.readAll(null));
  const follower = follow(log, all[1]!.position);
  await follower.has(2);
  await appendMany(log, 'b', 1);
  await follower.has(3);
  await endAll([follower]);
  assertSame(follower.entries, (await collect(log.readAll(null))).slice(2));
}

async function letsAReaderStop(log: Log): Promise<void> {
  await appendMany(log, 'a', 3);
  const controller = new AbortController();
  for await (const entry of log.subscribe(null, controller.signal)) if (entry.version === 2) break;
  const follower = follow(log, null);
  await follower.has(3);
  await endAll([follower]);
}

export const logSubscribeChecks: readonly LogCheck[] = [
  { rule: 'a subscription brings what was there and then what comes', run: ({ log }) => catchesUpThenGoesLive(log) },
  {
    rule: 'subscriptions begun in the midst of writing see every entry once and in order',
    run: ({ log }) => losesNothingUnderWrites(log),
  },
  { rule: 'a subscription ends when its signal fires, alone', run: ({ log }) => endsOnAbort(log) },
  { rule: 'a subscription goes on after the position it names', run: ({ log }) => resumesAfterAPosition(log) },
  { rule: 'a reader may stop a subscription at any entry', run: ({ log }) => letsAReaderStop(log) },
  {
    rule: 'closing the log ends its subscriptions',
    run: async ({ log }) => {
      const follower = follow(log, null);
      await appendMany(log, 'a', 1);
      await follower.has(1);
      await log.close();
      await within('the end of the subscription', follower.ended);
    },
  },
];
