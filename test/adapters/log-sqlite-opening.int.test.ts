import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { openSqliteLog, type SqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { appendMany, collect, mustAppend } from '../contracts/log-check.ts';

const MORE_THAN_A_ROUND_OF_HEADS = 40_000;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-log-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = (placement: 'worker' | 'main' = 'worker'): Promise<SqliteLog> =>
  openSqliteLog({ directory, clock: systemClock(), placement });

/** Changes the closed log's database behind its back. */
function tamper(sql: string): void {
  const db = new DatabaseSync(join(directory, 'log.sqlite'));
  db.exec(sql);
  db.close();
}

async function writeSome(): Promise<void> {
  const log = await open();
  await appendMany(log, 'a', 3);
  await log.close();
}

describe('a log is not opened when', () => {
  test.each(['worker', 'main'] as const)('this very process has it open (%s)', async (placement) => {
    const log = await open();
    await expect(open(placement)).rejects.toMatchObject({ code: 'data_directory_in_use', ownerPid: process.pid });
    await mustAppend(log, 'a', null, 'the owner is not disturbed');
    await log.close();
    await (await open(placement)).close();
  });

  test('a newer release wrote it, and it is left as it was', async () => {
    await writeSome();
    tamper('PRAGMA user_version = 3');
    await expect(open()).rejects.toMatchObject({ code: 'log_from_newer_version', directory });
    tamper('PRAGMA user_version = 2');
    const log = await open();
    expect(await collect(log.read('a'))).toHaveLength(3);
    await log.close();
  });

  test.each([
    ['a database of something else', () => tamper('CREATE TABLE orders (id INTEGER)')],
    ['a database marked by something else', () => tamper('PRAGMA application_id = 7')],
    ['no database at all', () => writeFileSync(join(directory, 'log.sqlite'), 'not a database at all'.repeat(1_000))],
  ])('its file is %s', async (_what, prepare) => {
    prepare();
    await expect(open()).rejects.toMatchObject({ code: 'log_unreadable', directory });
  });

  test.each([
    ['a table is gone', 'DROP TABLE streams'],
    ['entries do not follow each other', 'UPDATE meta SET heads_upto = 0; UPDATE streams SET seq = 1, version = 5'],
  ])('it is damaged: %s', async (_what, sql) => {
    await writeSome();
    tamper(sql);
    await expect(open()).rejects.toMatchObject({ code: 'log_unreadable', directory });
  });

  test('its directory is a file', async () => {
    const parent = directory;
    directory = join(parent, 'file');
    writeFileSync(directory, '');
    await expect(open()).rejects.toMatchObject({ code: 'log_unwritable', directory });
    directory = parent;
  });

  test('its directory cannot be written', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro,size=1m', 'statevisor-test', directory]);
    try {
      await expect(open()).rejects.toMatchObject({ code: 'log_unwritable', directory });
    } finally {
      execFileSync('umount', [directory]);
    }
  });
});

test('heads are right after an opening that finds them written down in the midst of work, and part of them not', async () => {
  const log = await open();
  const streams = 1_000;
  const names = Array.from({ length: streams }, (_, n) => `stream ${n}`);
  await Promise.all(names.map((name) => appendMany(log, name, MORE_THAN_A_ROUND_OF_HEADS / streams)));
  const before = await collect(log.heads());
  await log.close();
  // What a crash leaves: heads complete only up to where the last round of writing them down began.
  tamper('UPDATE meta SET heads_upto = 32768');
  const again = await open();
  expect(await collect(again.heads())).toEqual(before);
  await mustAppend(again, 'stream 7', before[7]!.token, 'goes on');
  await again.close();
});

test('a log of the first format is taken over, with all it holds, and can do what this one can', async () => {
  await writeSome();
  tamper(`ALTER TABLE streams DROP COLUMN first_version; ALTER TABLE streams DROP COLUMN landmark;
    ALTER TABLE streams DROP COLUMN landmark_begin; ALTER TABLE streams DROP COLUMN landmark_length;
    ALTER TABLE meta DROP COLUMN unswept; ALTER TABLE meta DROP COLUMN complete_after; PRAGMA user_version = 1`);
  const log = await open();
  const entries = await collect(log.read('a'));
  expect(entries.map((entry) => entry.version)).toEqual([1, 2, 3]);
  expect(await log.trim(entries[1]!)).toBe(1);
  const appended = await log.append('a', entries[2]!.token, 'text with a mark in it', 'ordinary', 'mark');
  if (appended.kind === 'appended') await mustAppend(log, 'a', appended.token, 'after it');
  await log.close();
  const again = await open();
  expect(await collect(again.heads(true))).toMatchObject([{ version: 5, landmark: { version: 4, text: 'mark' } }]);
  expect((await collect(again.read('a'))).map((entry) => entry.version)).toEqual([2, 3, 4, 5]);
  await again.close();
});

test('a landmark is found again after a crash, and gone when its entry is trimmed', async () => {
  const log = await open();
  const first = await log.append('a', null, 'has a mark', 'ordinary', 'mark');
  if (first.kind === 'appended') await mustAppend(log, 'a', first.token, 'a#2');
  const shown = { version: 2, landmark: { version: 1, text: 'mark' } };
  expect(await collect(log.heads(true))).toMatchObject([shown]);
  await log.close();
  tamper('UPDATE meta SET heads_upto = 0; UPDATE streams SET seq = 1, version = 1');
  const again = await open();
  expect(await collect(again.heads(true))).toMatchObject([shown]);
  await again.trim((await again.head('a'))!);
  expect('landmark' in (await collect(again.heads(true)))[0]!).toBe(false);
  await again.close();
});

describe('when the disk fails in the midst of a batch', () => {
  test('nothing is acknowledged, and the log goes on as soon as something can be written', async () => {
    await writeSome();
    tamper(`CREATE TRIGGER fault BEFORE INSERT ON entries WHEN NEW.bytes = 'bad sector'
      BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END`);
    const log = await open();
    const answers = await Promise.all([log.append('b', null, 'bad sector'), log.append('c', null, 'beside it')]);
    for (const answer of answers) expect(answer).toMatchObject({ kind: 'refused', reason: 'unavailable' });
    expect(await log.head('b')).toBeNull();
    expect(await log.head('c')).toBeNull();
    await mustAppend(log, 'reserved still works', null, 'x');
    await log.close();
  });

  test('the outcome is unknown, and nothing is answered for sure, while nothing can be written', async () => {
    await writeSome();
    tamper(`CREATE TRIGGER fault BEFORE INSERT ON entries WHEN NEW.bytes = 'bad sector'
      BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END;
      CREATE TRIGGER fault_again BEFORE UPDATE ON meta BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END`);
    const log = await open();
    expect(await log.append('b', null, 'bad sector')).toMatchObject({ kind: 'unknown' });
    expect(await log.append('c', null, 'later', 'reserved')).toMatchObject({ kind: 'refused', reason: 'unavailable' });
    await expect(log.head('b')).rejects.toMatchObject({ code: 'log_unavailable' });
    await log.close();
    tamper('DROP TRIGGER fault; DROP TRIGGER fault_again');
    const again = await open();
    expect(await again.head('b')).toBeNull();
    expect(await collect(again.read('a'))).toHaveLength(3);
    await again.close();
  });
});
