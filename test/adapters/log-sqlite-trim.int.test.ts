import { mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SimulatedClock, systemClock } from '../../src/actors/clock.ts';
import type { Clock } from '../../src/actors/contracts/clock.ts';
import { openSqliteLog, type SqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { SWEEP_PAUSE_MS } from '../../src/adapters/log-sqlite/sweeper.ts';
import { SWEEP_ROWS } from '../../src/adapters/log-sqlite/trimming.ts';
import { appendMany, collect, mustAppend } from '../contracts/log-check.ts';

/** What is particular to trimming in SQLite: two steps, and room that comes back. */

const START = Date.UTC(2026, 0, 1, 12);
const STREAMS = 40;
const ENTRIES_EACH = 30;
const TEXT = 'x'.repeat(1_000);

let directory: string;
let log: SqliteLog;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-trim-'));
});
afterEach(async () => {
  await log.close();
  rmSync(directory, { recursive: true, force: true });
});

/** On the main thread, where a turn of the event loop is all that an answer needs. */
async function open(clock: Clock = systemClock()): Promise<void> {
  log = await openSqliteLog({ directory, clock, placement: 'main' });
}

async function fill(round: string): Promise<void> {
  const names = Array.from({ length: STREAMS }, (_, n) => `${round} ${n}`);
  let tokens = new Map<string, Awaited<ReturnType<typeof mustAppend>>>();
  for (let version = 1; version <= ENTRIES_EACH; version++) {
    const appended = await Promise.all(
      names.map(async (name) => [name, await mustAppend(log, name, tokens.get(name)?.token ?? null, TEXT)] as const),
    );
    tokens = new Map(appended);
  }
}

async function trimAllToHeads(): Promise<number> {
  let removed = 0;
  for (const head of await collect(log.heads())) removed += await log.trim(head);
  return removed;
}

/** Rows there are in the closed log's table, whatever readers are shown. */
function rowsInFile(): number {
  const db = new DatabaseSync(join(directory, 'log.sqlite'), { readOnly: true });
  const count = db.prepare('SELECT count(*) AS count FROM entries').get()?.count;
  db.close();
  return Number(count);
}

describe('trimming in SQLite', () => {
  test('a process that ends between the trim and the sweeping leaves nothing behind: the next one goes on', async () => {
    const clock = new SimulatedClock(START);
    await open(clock);
    await fill('vm');
    expect(await trimAllToHeads()).toBe(STREAMS * (ENTRIES_EACH - 1));
    const kept = await collect(log.readAll(null));
    expect(kept).toHaveLength(STREAMS);
    await log.close();
    const left = rowsInFile();
    expect(left).toBeGreaterThan(STREAMS * ENTRIES_EACH - 2 * SWEEP_ROWS);
    const later = new SimulatedClock(START);
    await open(later);
    expect(await collect(log.readAll(null))).toEqual(kept);
    for (let sweeps = 0; sweeps * SWEEP_ROWS <= left + SWEEP_ROWS; sweeps++) await later.advance(SWEEP_PAUSE_MS);
    expect(await collect(log.readAll(null))).toEqual(kept);
    await log.close();
    expect(rowsInFile()).toBe(STREAMS);
    await open();
    expect(await collect(log.readAll(null))).toEqual(kept);
  });

  test('the room that is given back is used for new entries: the file does not grow', async () => {
    const clock = new SimulatedClock(START);
    await open(clock);
    const sizes: number[] = [];
    for (let round = 0; round < 6; round++) {
      await fill('vm'.repeat(round + 1));
      await trimAllToHeads();
      for (let sweeps = 0; sweeps < 10; sweeps++) await clock.advance(SWEEP_PAUSE_MS);
      const { bytes, reusable_bytes } = await log.usage();
      expect(reusable_bytes).toBeGreaterThan(bytes / 2);
      sizes.push(bytes);
    }
    expect(sizes.at(-1)! / sizes[0]!).toBeLessThan(1.5);
  });

  test('appends and reads go on while a large beginning is swept', async () => {
    await open();
    await fill('vm');
    await trimAllToHeads();
    const kept = await collect(log.readAll(null));
    const appended = await appendMany(log, 'other', 50);
    expect(appended.map(({ version }) => version)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
    const all = await collect(log.readAll(null));
    expect(all.slice(0, STREAMS)).toEqual(kept);
    expect(all).toHaveLength(STREAMS + 50);
  });
});

describe('a log whose files are no longer where they were', () => {
  const aside = (): string => `${directory}-aside`;
  afterEach(() => rmSync(aside(), { recursive: true, force: true }));

  test('acknowledges nothing, reads on, and goes on once they are back', async () => {
    await open();
    const first = await mustAppend(log, 'vm', null, 'here');
    renameSync(directory, aside());
    const refused = { kind: 'refused', reason: 'unavailable', message: expect.stringContaining('no longer where') };
    expect(await log.append('vm', first.token, 'nowhere')).toMatchObject(refused);
    expect(await log.append('vm', first.token, 'a stop', 'reserved')).toMatchObject(refused);
    await expect(log.trim({ stream: 'vm', version: 1, position: first.position })).rejects.toThrow('no longer where');
    expect((await log.head('vm'))?.bytes).toBe('here');
    renameSync(aside(), directory);
    await mustAppend(log, 'vm', first.token, 'back again');
    expect(await collect(log.read('vm'))).toHaveLength(2);
  });

  test('does not take up another log that was put in their place', async () => {
    await open();
    await mustAppend(log, 'vm', null, 'here');
    renameSync(directory, aside());
    const other = await openSqliteLog({ directory, clock: systemClock(), placement: 'main' });
    await other.close();
    expect(statSync(join(directory, 'log.sqlite')).isFile()).toBe(true);
    expect(await log.append('another', null, 'nowhere')).toMatchObject({ kind: 'refused', reason: 'unavailable' });
  });

  test('removed for good, ends without a word more', async () => {
    await open();
    await mustAppend(log, 'vm', null, 'here');
    rmSync(directory, { recursive: true });
    expect(await log.append('another', null, 'nowhere')).toMatchObject({ kind: 'refused', reason: 'unavailable' });
    await log.close();
    expect(statSync(directory, { throwIfNoEntry: false })).toBeUndefined();
  });

  test('a directory that was moved while nobody had it open is the same log', async () => {
    await open();
    await appendMany(log, 'vm', 5);
    await log.close();
    renameSync(directory, aside());
    const moved = await openSqliteLog({ directory: aside(), clock: systemClock(), placement: 'main' });
    expect(await collect(moved.read('vm'))).toHaveLength(5);
    await moved.close();
  });
});
