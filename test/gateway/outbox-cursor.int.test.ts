/**
 * Goal: whatever becomes of a cursor, no record is left out without a word. Method: cursors in real files, and logs in memory
 * that hold what was recorded while nobody brought it.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import type { Log } from '../../src/actors/contracts/log.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { keptCursor } from '../../src/cli/daemon/kept-cursor.ts';
import { dataDirectory } from '../../src/cli/data-directory.ts';
import { type CursorStore, cursorFile } from '../../src/gateway/outbox/cursor-store.ts';
import { createOutbox, type Outbox, type OutboxOptions } from '../../src/gateway/outbox/outbox.ts';
import { until } from '../cli/daemon-process.ts';
import { LIMIT_MS, RecordWriter } from './outbox-world.ts';

type Begin = OutboxOptions['begin'];

const clock = systemClock();
let directory: string;
let path: string;
let log: Log;
let writer: RecordWriter;
let told: string[];
let brought: string[];
const outboxes: Outbox[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-cursor-'));
  path = join(directory, 'outbox', 'one.json');
  log = createMemoryLog();
  writer = new RecordWriter(log);
  told = [];
  brought = [];
});
afterEach(async () => {
  for (const outbox of outboxes.splice(0)) await outbox.close();
  rmSync(directory, { recursive: true, force: true });
});

function open(begin: Begin, store: CursorStore = cursorFile(path), from: Log = log): Outbox {
  const destination = {
    window: 1,
    open: async <T>(cursor: T) => cursor,
    deliver: async ({ bytes }: { bytes: string }) => {
      brought.push((JSON.parse(bytes) as { id: string }).id);
      return { memo: null };
    },
  };
  const outbox = createOutbox({
    log: from,
    destination,
    store,
    clock,
    begin,
    tell: (line) => told.push(line),
    name: 'It',
  });
  outboxes.push(outbox);
  return outbox;
}

/** Runs an outbox until it has nothing to bring any more; answers what it brought. */
async function bring(begin: Begin, store?: CursorStore, from: Log = log): Promise<string[]> {
  brought = [];
  const outbox = open(begin, store, from);
  const { last } = await from.extent();
  await until(
    () => outbox.status(),
    ({ cursor, lag }) => cursor === last && lag.records === 0,
    LIMIT_MS,
  );
  await outbox.close();
  return brought;
}

const written = (by = writer): string[] => by.written.map(({ id }) => id);

test.for([
  ['cut off', '{"position":"0000'],
  ['empty', ''],
  ['something else', '{"where":7}'],
])('a cursor that is %s begins with the first record that is there, and says so', async ([, text]) => {
  await bring('after_the_last_record');
  await writer.appendMany(5);
  writeFileSync(path, text!);
  expect(await bring('after_the_last_record')).toEqual(written());
  expect(told).toEqual([expect.stringMatching(/^It: .*cannot be understood; .* once more\.$/)]);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ position: (await log.extent()).last });
});

test('without a cursor it begins where it is to begin, without a word', async () => {
  await writer.appendMany(2);
  expect(await bring('after_the_last_record')).toEqual([]);
  rmSync(path);
  expect(await bring('with_the_first_record')).toEqual(written());
  expect(told).toEqual([]);
});

test('a cursor that cannot be read now is read again, and told; nothing is brought or kept before', async () => {
  await writer.appendMany(2);
  await bring('with_the_first_record');
  const kept = readFileSync(path, 'utf8');
  await writer.append('web');
  rmSync(path);
  mkdirSync(path);
  brought = [];
  const outbox = open('after_the_last_record');
  await until(
    () => told,
    (lines) => lines.length > 0,
    LIMIT_MS,
  );
  expect(told).toEqual([expect.stringMatching(/^It: .*EISDIR.*; it is tried again\.$/)]);
  expect(brought).toEqual([]);
  rmSync(path, { recursive: true });
  writeFileSync(path, kept);
  await until(
    () => told.length,
    (lines) => lines === 2,
    LIMIT_MS,
  );
  expect(brought).toEqual(written().slice(2));
  await outbox.close();
});

test('each log has a cursor of its own: another one begins anew, and the first goes on where it was', async () => {
  const data = dataDirectory(directory);
  const other = createMemoryLog();
  const otherWriter = new RecordWriter(other);
  /** Logs in memory end with the process; what is looked at here are names. */
  const storeOf = (name: string): CursorStore =>
    keptCursor({ survives: 'os' }, { directory: data, logName: name }, 'records');
  await writer.appendMany(3);
  await otherWriter.appendMany(8);
  expect(await bring('with_the_first_record', storeOf('sqlite'))).toEqual(written());
  for (const name of ['jetstream-one', 'jetstream-two']) {
    expect(await bring('with_the_first_record', storeOf(name), other)).toEqual(written(otherWriter));
  }
  await writer.appendMany(1);
  expect(await bring('after_the_last_record', storeOf('sqlite'))).toEqual(written().slice(3));
});
