import assert from 'node:assert/strict';
import { chainHash } from '../../src/actors/contracts/chain.ts';
import type { Log, LogEntry } from '../../src/actors/contracts/log.ts';
import {
  appendMany,
  assertAscending,
  bytesOf,
  collect,
  follow,
  type LogCheck,
  type LogSubject,
  mustAppend,
  within,
} from './log-check.ts';

const LONG_STREAM = 1_100;
const KEPT_OF_LONG = 1_020;

/** The entry of this version, which has to be there. */
async function entryOf(log: Log, stream: string, version: number): Promise<LogEntry> {
  for await (const entry of log.read(stream, version, 1)) return entry;
  return assert.fail(`${stream} has no version ${version}`);
}

function versionsOf(entries: readonly LogEntry[]): number[] {
  return entries.map((entry) => entry.version);
}

async function trimTo(log: Log, stream: string, version: number): Promise<number> {
  return within('the answer to a trim', log.trim(await entryOf(log, stream, version)));
}

async function removesTheBeginningOfOneStream(log: Log): Promise<void> {
  await Promise.all([appendMany(log, 'a', 6), appendMany(log, 'b', 6)]);
  const before = await collect(log.readAll(null));
  assert.equal(await trimTo(log, 'a', 4), 3);
  const left = before.filter((entry) => entry.stream === 'b' || entry.version >= 4);
  assert.deepEqual(await collect(log.readAll(null)), left, 'what is left is unchanged');
  assert.deepEqual(await collect(log.readBackwards()), left.toReversed());
  for (const from of [1, 2, 4]) assert.deepEqual(versionsOf(await collect(log.read('a', from))), [4, 5, 6]);
  assert.deepEqual(versionsOf(await collect(log.read('a', 5))), [5, 6]);
  const [first] = await collect(log.read('a', 1, 1));
  assert.equal(first?.version, 4, 'a reader of one entry gets the first that is there');
  assert.equal(await log.trim(before.find((entry) => entry.stream === 'a' && entry.version === 2)!), 0);
  assert.equal(await log.trim({ ...left[0]!, stream: 'nobody' }), 0);
  assert.equal((await collect(log.readAll(null))).length, left.length);
}

async function neverRemovesTheLast(log: Log): Promise<void> {
  await appendMany(log, 'a', 5);
  const head = await log.head('a');
  assert.equal(await log.trim(head!), 4);
  assert.deepEqual(await collect(log.read('a')), [head]);
  assert.deepEqual(await log.head('a'), head);
  assert.deepEqual(await collect(log.heads()), [head]);
  assert.equal(await log.trim(head!), 0);
  const next = await mustAppend(log, 'a', head!.token, 'goes on');
  assert.equal(next.version, 6);
}

async function keepsTheChain(log: Log): Promise<void> {
  await appendMany(log, 'a', 8);
  const whole = await collect(log.read('a'));
  await trimTo(log, 'a', 5);
  let prev = whole[3]!.hash;
  for (const entry of await collect(log.read('a'))) {
    assert.equal(entry.prev_hash, prev);
    assert.equal(entry.hash, chainHash(entry.prev_hash, entry.bytes));
    prev = entry.hash;
  }
  assert.equal(prev, whole[7]!.hash);
}

async function tellsWhereItIsComplete(log: Log): Promise<void> {
  await Promise.all([appendMany(log, 'a', 5), appendMany(log, 'b', 5)]);
  const before = await collect(log.readAll(null));
  await trimTo(log, 'a', 4);
  const gone = before.filter((entry) => entry.stream === 'a' && entry.version < 4);
  const { completeAfter, last } = await log.extent();
  assert.ok(completeAfter !== null && completeAfter >= gone.at(-1)!.position, 'what was removed lies before it');
  assert.equal(last, before.at(-1)!.position);
  await trimTo(log, 'b', 2);
  assert.ok(completeAfter <= (await log.extent()).completeAfter!, 'it never goes back');
}

async function goesOnBesideAppendsAndReaders(log: Log): Promise<void> {
  await appendMany(log, 'a', 400);
  const follower = follow(log, null);
  await follower.has(10);
  const [removed, , appended] = await within(
    'a trim beside appends',
    Promise.all([trimTo(log, 'a', 300), collect(log.readAll(null)), appendMany(log, 'b', 100)]),
    30_000,
  );
  assert.equal(removed, 299);
  assert.equal(appended.length, 100);
  const last = appended.at(-1)!.position;
  while (follower.entries.at(-1)?.position !== last) await follower.has(follower.entries.length + 1);
  assertAscending(follower.entries);
  const seen = versionsOf(follower.entries.filter((entry) => entry.stream === 'a' && entry.version >= 300));
  assert.deepEqual(
    seen,
    Array.from({ length: 101 }, (_, n) => 300 + n),
    'a follower misses nothing that was kept',
  );
  follower.abort();
}

async function readsALongTrimmedStream(log: Log): Promise<void> {
  await Promise.all([appendMany(log, 'long', LONG_STREAM), appendMany(log, 'noise', 50)]);
  const first = LONG_STREAM - KEPT_OF_LONG + 1;
  await trimTo(log, 'long', first);
  const kept = versionsOf(await collect(log.read('long')));
  assert.deepEqual(
    kept,
    Array.from({ length: KEPT_OF_LONG }, (_, n) => first + n),
  );
}

async function staysTrimmed(subject: LogSubject): Promise<void> {
  const { log } = subject;
  if (log.survives === 'nothing') return;
  await Promise.all([appendMany(log, 'a', 50), appendMany(log, 'b', 50)]);
  await trimTo(log, 'a', 40);
  const left = await collect(log.readAll(null));
  const extent = await log.extent();
  const reopened = await subject.reopen();
  assert.deepEqual(await collect(reopened.readAll(null)), left);
  assert.deepEqual(await reopened.extent(), extent);
  const head = await reopened.head('a');
  assert.equal((await mustAppend(reopened, 'a', head!.token, 'goes on')).version, 51);
  const again = await subject.reopen();
  assert.deepEqual(bytesOf(await collect(again.read('a', 50))), ['a#50', 'goes on']);
}

async function measuresItself(log: Log): Promise<void> {
  assert.equal((await log.usage()).entries, 0);
  await Promise.all([appendMany(log, 'a', 30), appendMany(log, 'b', 10)]);
  const before = await log.usage();
  assert.equal(before.entries, 40);
  assert.ok(before.bytes > 0 && before.reusable_bytes >= 0);
  assert.equal(before.appended_bytes, 30 * 4 - 9 + 10 * 4 - 9);
  if (before.disk !== null) assert.ok(before.disk.free_bytes > 0 && before.disk.total_bytes >= before.disk.free_bytes);
  await trimTo(log, 'a', 21);
  assert.equal((await log.usage()).entries, 20);
}

/** A log may keep no landmarks in mind; what it shows has to be true. */
async function showsTrueLandmarks(subject: LogSubject): Promise<void> {
  const { log } = subject;
  const first = await mustAppend(log, 'a', null, 'a#1');
  const marked = await within('the answer', log.append('a', first.token, 'żółć 🜛 {a#2} and more', 'ordinary', '{a#2}'));
  assert.equal(marked.kind, 'appended');
  if (marked.kind === 'appended') await mustAppend(log, 'a', marked.token, 'a#3');
  const other = await within('the answer', log.append('b', null, 'b#1', 'ordinary', 'b#1'));
  assert.equal(other.kind, 'appended');
  const check = async (shown: Log): Promise<void> => {
    for (const head of await collect(shown.heads())) assert.ok(!('landmark' in head), 'nobody asked for landmarks');
    const heads = new Map((await collect(shown.heads(true))).map((head) => [head.stream, head]));
    const a = heads.get('a') as { landmark?: unknown };
    if ('landmark' in a) assert.deepEqual(a.landmark, { version: 2, text: '{a#2}' });
    assert.ok(!('landmark' in heads.get('b')!), 'a head that is its own landmark does not show it twice');
  };
  await check(log);
  if (log.survives !== 'nothing') await check(await subject.reopen());
}

export const logTrimChecks: readonly LogCheck[] = [
  {
    rule: 'trimming removes the beginning of one stream and changes nothing else',
    run: ({ log }) => removesTheBeginningOfOneStream(log),
  },
  { rule: 'trimming never removes the last entry of a stream', run: ({ log }) => neverRemovesTheLast(log) },
  { rule: 'what is left of a trimmed stream is chained as before', run: ({ log }) => keepsTheChain(log) },
  { rule: 'the extent names an end to what may be missing', run: ({ log }) => tellsWhereItIsComplete(log) },
  {
    rule: 'trimming goes on beside appends and readers, and followers miss nothing that is kept',
    run: ({ log }) => goesOnBesideAppendsAndReaders(log),
  },
  {
    rule: 'a long stream that was trimmed reads whole from its first entry',
    run: ({ log }) => readsALongTrimmedStream(log),
  },
  { rule: 'what was trimmed stays trimmed after opening again, and the stream goes on', run: staysTrimmed },
  { rule: 'usage counts the entries that are there', run: ({ log }) => measuresItself(log) },
  {
    rule: 'a landmark shown beside a head is the newest one, exactly the piece of text it was given as',
    run: showsTrueLandmarks,
  },
];
