import assert from 'node:assert/strict';
import type { Log, LogEntry, Token } from '../../src/actors/contracts/log.ts';
import {
  appendMany,
  assertAscending,
  bytesOf,
  collect,
  type LogCheck,
  type LogSubject,
  mustAppend,
} from './log-check.ts';

/** More than one page of any implementation's stream walk or listing. */
const LONG_STREAM = 2_500;
const MANY_STREAMS = 6_000;
/** Appended at once: a server that is asked for all of them does not answer the last ones in time on a busy machine. */
const AT_ONCE = 500;

async function readsFromAVersion(log: Log): Promise<void> {
  await Promise.all([appendMany(log, 'a', 6), appendMany(log, 'noise', 6)]);
  assert.deepEqual(bytesOf(await collect(log.read('a'))), ['a#1', 'a#2', 'a#3', 'a#4', 'a#5', 'a#6']);
  assert.deepEqual(bytesOf(await collect(log.read('a', 5))), ['a#5', 'a#6']);
  assert.deepEqual(bytesOf(await collect(log.read('a', 6))), ['a#6']);
  assert.deepEqual(await collect(log.read('a', 7)), []);
  assert.deepEqual(await collect(log.read('nobody')), []);
}

async function showsHeads(log: Log): Promise<void> {
  assert.equal(await log.head('a'), null);
  assert.deepEqual(await collect(log.heads()), []);
  await Promise.all([appendMany(log, 'a', 3), appendMany(log, 'b', 1)]);
  const heads = (await collect(log.heads())).sort((x, y) => (x.stream < y.stream ? -1 : 1));
  assert.deepEqual(bytesOf(heads), ['a#3', 'b#1']);
  assert.deepEqual(heads, [await log.head('a'), await log.head('b')]);
  assert.deepEqual(heads[0], (await collect(log.read('a'))).at(-1));
}

async function readsAllInOrder(log: Log): Promise<void> {
  const streams = Array.from({ length: 20 }, (_, n) => `s${n}`);
  await Promise.all(streams.map((stream) => appendMany(log, stream, 5)));
  const all = await collect(log.readAll(null));
  assert.equal(all.length, 100);
  assertAscending(all);
  for (const stream of streams) {
    assert.deepEqual(
      all.filter((entry) => entry.stream === stream),
      await collect(log.read(stream)),
    );
  }
  for (const index of [0, 49, 98, 99]) {
    assert.deepEqual(await collect(log.readAll(all[index]!.position)), all.slice(index + 1));
  }
  assert.deepEqual(await collect(log.readBackwards()), all.toReversed(), 'backwards it is the same, newest first');
}

async function readsLongStreams(log: Log): Promise<void> {
  const [, noise] = await Promise.all([appendMany(log, 'long', LONG_STREAM), appendMany(log, 'noise', 100)]);
  assert.equal(noise.length, 100);
  const entries = await collect(log.read('long'));
  assert.deepEqual(
    entries.map((entry) => entry.version),
    Array.from({ length: LONG_STREAM }, (_, n) => n + 1),
  );
  assert.deepEqual(await collect(log.read('long', 1_400)), entries.slice(1_399));
}

async function listsManyStreams(log: Log): Promise<void> {
  const names = Array.from({ length: MANY_STREAMS }, (_, n) => `stream ${n}`);
  for (let first = 0; first < names.length; first += AT_ONCE) {
    await Promise.all(names.slice(first, first + AT_ONCE).map((name) => mustAppend(log, name, null, name)));
  }
  const heads = await collect(log.heads());
  assert.deepEqual(bytesOf(heads).sort(), [...names].sort());
  const all = await collect(log.readAll(null));
  assert.equal(all.length, MANY_STREAMS);
  assertAscending(all);
  assert.deepEqual(bytesOf(await collect(log.readBackwards())), bytesOf(all).toReversed());
}

async function endsAtThePresent(log: Log): Promise<void> {
  await appendMany(log, 'a', 3);
  let prev: Token = (await log.head('a'))!.token;
  let seen = 0;
  for await (const entry of log.readAll(null)) {
    seen += 1;
    prev = (await mustAppend(log, 'a', prev, `after ${entry.position}`)).token;
    assert.ok(seen <= 3, 'a read must not chase entries made after it began');
  }
  assert.equal(seen, 3);
}

async function showsWhatWasAcknowledged(subject: LogSubject): Promise<void> {
  const { log } = subject;
  if (log.survives === 'nothing') return showsNothingPromised(subject);
  await Promise.all(Array.from({ length: 20 }, (_, n) => appendMany(log, `s${n}`, 7)));
  const before = await collect(log.readAll(null));
  const reopened = await subject.reopen();
  assert.deepEqual(await collect(reopened.readAll(null)), before);
  assert.deepEqual(await collect(reopened.read('s3', 2)), await before.filter((e) => e.stream === 's3').slice(1));
  const head = await reopened.head('s3');
  assert.equal((await reopened.append('s3', null, 'lost')).kind, 'conflict');
  const next = await mustAppend(reopened, 's3', head!.token, 'goes on');
  assert.equal(next.version, 8);
  assert.ok(next.position > before.at(-1)!.position, 'positions go on after those given before');
  const again = await subject.reopen();
  assert.deepEqual(bytesOf(await collect(again.readAll(before.at(-1)!.position))), ['goes on']);
  assert.equal((await collect(again.heads())).length, 20);
}

/** A log that promises to outlive nothing still has to open empty or with a sound chain. */
async function showsNothingPromised(subject: LogSubject): Promise<void> {
  await appendMany(subject.log, 'a', 3);
  const reopened = await subject.reopen();
  const entries = await collect(reopened.read('a'));
  assert.deepEqual(
    entries.map((entry) => entry.version),
    entries.map((_, index) => index + 1),
  );
}

async function tellsItsExtent(log: Log): Promise<void> {
  assert.deepEqual(await log.extent(), { completeAfter: null, last: null });
  await Promise.all([appendMany(log, 'a', 7), appendMany(log, 'b', 4)]);
  const all = await collect(log.readAll(null));
  assert.deepEqual(await log.extent(), { completeAfter: null, last: all.at(-1)!.position });
  const first: LogEntry[] = [];
  for await (const entry of log.readAll(all[1]!.position, 3)) {
    first.push(entry);
    if (first.length === 3) break;
  }
  assert.deepEqual(first, all.slice(2, 5), 'a reader that wants few gets the first ones');
}

export const logReadChecks: readonly LogCheck[] = [
  { rule: 'a stream is read from any version to its head', run: ({ log }) => readsFromAVersion(log) },
  { rule: 'the head of a stream is its last entry, and heads lists each once', run: ({ log }) => showsHeads(log) },
  {
    rule: 'the whole log reads in the order of its positions, from any of them',
    run: ({ log }) => readsAllInOrder(log),
  },
  { rule: 'a stream of many pages reads whole and in order', run: ({ log }) => readsLongStreams(log) },
  { rule: 'many streams are all listed', run: ({ log }) => listsManyStreams(log) },
  { rule: 'a read ends at the end that was present when it began', run: ({ log }) => endsAtThePresent(log) },
  { rule: 'the extent names the last position and that nothing was removed', run: ({ log }) => tellsItsExtent(log) },
  { rule: 'what was acknowledged is there after opening again, and goes on', run: showsWhatWasAcknowledged },
];
