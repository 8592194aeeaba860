import assert from 'node:assert/strict';
import { chainHash } from '../../src/actors/contracts/chain.ts';
import type { Log, Token } from '../../src/actors/contracts/log.ts';
import { appendMany, bytesOf, collect, type LogCheck, mustAppend, within } from './log-check.ts';

const WRITERS = 50;
const ENTRIES_PER_WRITER = 20;
const MEBIBYTE = 1_048_576;

const EXOTIC_TEXTS: readonly string[] = [
  '',
  ' ',
  '\n',
  'line\nline\r\n\ttab',
  `'single' "double" \`back\` \\ %s $1 ; DROP TABLE x; --`,
  'żółć 東京 🜛👩‍👩‍👧‍👦 é e\u0301 \u202e\u2028\u2029\ufeff',
  'a nul \u0000 inside and a control \u0007',
  '{"json":"\\u0000\\n"}',
  'x'.repeat(MEBIBYTE),
];

async function rejectsEveryOtherPrev(log: Log): Promise<void> {
  const [first, second] = await appendMany(log, 'a', 2);
  const [other] = await appendMany(log, 'b', 1);
  const head = await log.head('a');
  for (const prev of [null, first!.token, other!.token, 'not a token' as Token]) {
    const result = await within('the answer', log.append('a', prev, 'lost'));
    assert.equal(result.kind, 'conflict', `an append with prev ${prev} must conflict`);
    assert.deepEqual(result.kind === 'conflict' && result.head, head);
  }
  assert.equal(head?.token, second!.token);
  const absent = await within('the answer', log.append('never written', first!.token, 'lost'));
  assert.deepEqual(absent, { kind: 'conflict', head: null });
  assert.deepEqual(bytesOf(await collect(log.readAll(null))), ['a#1', 'a#2', 'b#1']);
}

async function letsOneOfManyRivalsThrough(log: Log): Promise<void> {
  const first = await mustAppend(log, 'a', null, 'first');
  const rivals = await Promise.all(
    Array.from({ length: 10 }, (_, n) => within('the answer', log.append('a', first.token, `rival ${n}`))),
  );
  assert.equal(rivals.filter((result) => result.kind === 'appended').length, 1);
  assert.equal(rivals.filter((result) => result.kind === 'conflict').length, 9);
  const head = await log.head('a');
  for (const result of rivals) if (result.kind === 'conflict') assert.deepEqual(result.head, head);
  assert.equal(head?.version, 2);
}

async function keepsConflictsApart(log: Log): Promise<void> {
  await mustAppend(log, 'contested', null, 'first');
  const appends = Array.from({ length: WRITERS }, (_, n) => [
    log.append(`free ${n}`, null, 'through'),
    log.append('contested', null, 'lost'),
  ]).flat();
  const results = await within('all answers', Promise.all(appends));
  results.forEach((result, index) => {
    assert.equal(result.kind, index % 2 === 0 ? 'appended' : 'conflict');
  });
}

async function servesManyWriters(log: Log): Promise<void> {
  const names = Array.from({ length: WRITERS }, (_, n) => `writer ${n}`);
  const written = await Promise.all(names.map((name) => appendMany(log, name, ENTRIES_PER_WRITER)));
  const positions = written.flat().map((result) => result.position);
  assert.equal(new Set(positions).size, WRITERS * ENTRIES_PER_WRITER, 'no position is given twice');
  for (const [index, name] of names.entries()) {
    const entries = await collect(log.read(name));
    assert.deepEqual(
      entries.map((entry) => [entry.version, entry.bytes]),
      Array.from({ length: ENTRIES_PER_WRITER }, (_, n) => [n + 1, `${name}#${n + 1}`]),
    );
    assert.deepEqual(
      entries.map(({ token, position, version }) => ({ kind: 'appended', token, position, version })),
      written[index],
    );
  }
}

async function chainsEveryStream(log: Log): Promise<void> {
  await Promise.all(['a', 'b', 'c'].map((stream) => appendMany(log, stream, 10)));
  const last = new Map<string, string>();
  let count = 0;
  for (const entry of await collect(log.readAll(null))) {
    assert.equal(entry.prev_hash, last.get(entry.stream) ?? '');
    assert.equal(entry.hash, chainHash(entry.prev_hash, entry.bytes));
    last.set(entry.stream, entry.hash);
    count += 1;
  }
  assert.equal(count, 30);
  for (const stream of last.keys()) assert.equal((await log.head(stream))?.hash, last.get(stream));
}

async function keepsExactText(log: Log): Promise<void> {
  const names = ['plain', ...EXOTIC_TEXTS.slice(1, -1)];
  for (const stream of names) {
    let prev: Token | null = null;
    for (const bytes of EXOTIC_TEXTS) prev = (await mustAppend(log, stream, prev, bytes)).token;
    assert.deepEqual(bytesOf(await collect(log.read(stream))), EXOTIC_TEXTS, `stream ${JSON.stringify(stream)}`);
    assert.equal((await log.head(stream))?.stream, stream);
  }
  const heads = await collect(log.heads());
  assert.deepEqual(heads.map((entry) => entry.stream).sort(), [...names].sort());
}

async function tellsEqualTextsApart(log: Log): Promise<void> {
  const first = await mustAppend(log, 'a', null, 'same');
  const again = await within('the answer', log.append('a', null, 'same'));
  assert.deepEqual(again, { kind: 'conflict', head: await log.head('a') });
  const second = await mustAppend(log, 'a', first.token, 'same');
  const elsewhere = await mustAppend(log, 'b', null, 'same');
  assert.equal(new Set([first, second, elsewhere].map(({ position }) => position)).size, 3);
  assert.deepEqual(
    (await collect(log.readAll(null))).map(({ stream, version }) => `${stream}#${version}`),
    ['a#1', 'a#2', 'b#1'],
  );
}

async function saysThatItServes(log: Log): Promise<void> {
  const serving = { mode: 'serving', reachable: true, since: null, message: null };
  assert.deepEqual(log.state(), serving);
  await appendMany(log, 'a', 3);
  assert.deepEqual(log.state(), serving);
}

async function closesOnce(log: Log): Promise<void> {
  const underWay = Array.from({ length: 20 }, (_, n) => log.append(`s${n}`, null, 'under way'));
  await within('the end of close', Promise.all([log.close(), log.close()]));
  for (const result of await within('answers to appends under way', Promise.all(underWay))) {
    assert.equal(result.kind, 'appended');
  }
  await within('the end of close', log.close());
  const late = await within('the answer', log.append('late', null, 'x'));
  assert.equal(late.kind === 'refused' && late.reason, 'unavailable');
  await assert.rejects(async () => log.head('late'));
  await assert.rejects(() => collect(log.readAll(null)));
}

export const logAppendChecks: readonly LogCheck[] = [
  {
    rule: 'versions of a stream are 1, 2, 3, ... without gaps',
    run: async ({ log }) => {
      const results = await appendMany(log, 'a', 5);
      assert.deepEqual(
        results.map((result) => result.version),
        [1, 2, 3, 4, 5],
      );
    },
  },
  {
    rule: 'an append whose prev is not the head changes nothing and is told the head',
    run: ({ log }) => rejectsEveryOtherPrev(log),
  },
  { rule: 'of many appends after the same head exactly one wins', run: ({ log }) => letsOneOfManyRivalsThrough(log) },
  { rule: 'a conflict on one stream fails no append to another', run: ({ log }) => keepsConflictsApart(log) },
  {
    rule: 'many streams written at once each keep their own order, and no position is given twice',
    run: ({ log }) => servesManyWriters(log),
  },
  { rule: 'every entry is linked to the one before it in its stream', run: ({ log }) => chainsEveryStream(log) },
  {
    rule: 'the same text appended again is another entry, or a conflict when its prev has been followed',
    run: ({ log }) => tellsEqualTextsApart(log),
  },
  { rule: 'a log that takes appends says that it serves', run: ({ log }) => saysThatItServes(log) },
  { rule: 'any text and any stream name come back exactly', run: ({ log }) => keepsExactText(log) },
  {
    rule: 'close waits for appends under way, may be called again, and refuses what comes after',
    run: ({ log }) => closesOnce(log),
  },
  {
    rule: 'an append that may use reserved room is like any other while there is room',
    run: async ({ log }) => {
      const result = await within('the answer', log.append('a', null, 'a stop', 'reserved'));
      assert.equal(result.kind, 'appended');
      assert.equal((await log.head('a'))?.bytes, 'a stop');
    },
  },
];
