import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SimulatedClock, systemClock } from '../../src/actors/clock.ts';
import { chainHash } from '../../src/actors/contracts/chain.ts';
import type { Clock } from '../../src/actors/contracts/clock.ts';
import type { Token } from '../../src/actors/contracts/log.ts';
import { openSqliteLog, ROOM_CHECK_EVERY_MS, type SqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { until } from '../cli/daemon-process.ts';
import { collect } from '../contracts/log-check.ts';

const START_MS = 1_767_268_800_000;
const DISK_BYTES = 16_777_216;
const ROOM_LIMIT_MS = 30_000;
const ENTRY = 'x'.repeat(1_500);
/** What has to fit into the room kept free, at the least. */
const RESERVED_APPENDS = 400;

const APPENDS_PER_WAVE = 600;
const ORDINARY_PER_WAVE = 480;
/** Far more than the disk holds. */
const WAVES_MAX = 20;

let directory: string;
let clock: SimulatedClock;
let log: SqliteLog;
/** Bytes of every acknowledged entry by `stream/version`. */
let acknowledged: Map<string, string>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'statevisor-test', directory]);
  clock = new SimulatedClock(START_MS);
  acknowledged = new Map();
});
afterEach(async () => {
  await log.close();
  execFileSync('umount', [directory]);
  rmdirSync(directory);
});

async function open(withClock: Clock = clock, placement: 'worker' | 'main' = 'worker'): Promise<void> {
  log = await openSqliteLog({ directory, clock: withClock, placement });
}

const filler = (): string => join(directory, 'somebody-elses-file');

/** Somebody else takes all but `leave` bytes. */
function fillDisk(leave: number): void {
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(filler(), Buffer.alloc(Math.max(0, bavail * bsize - leave)));
}

async function append(stream: string, room: 'ordinary' | 'reserved' = 'ordinary', bytes = ENTRY) {
  const prev: Token | null = (await log.head(stream))?.token ?? null;
  const result = await log.append(stream, prev, bytes, room);
  if (result.kind === 'appended') acknowledged.set(`${stream}/${result.version}`, bytes);
  return result;
}

/** Appends until the disk is full; returns how many were acknowledged. */
async function appendUntilFull(): Promise<number> {
  for (let count = 0; count < DISK_BYTES / ENTRY.length; count++) {
    const result = await append(`stream ${count % 10}`);
    if (result.kind === 'appended') continue;
    assert.deepEqual(result, { kind: 'refused', reason: 'full', message: 'the disk that holds the log is full' });
    const { mode, reachable, since } = log.state();
    assert.deepEqual([mode, reachable, typeof since], ['log_full', true, 'number']);
    return count;
  }
  return assert.fail('the disk never ran full');
}

/** One turn's appends to new streams, every fifth of them reserved; returns how many ordinary ones were refused. */
async function appendWave(wave: number): Promise<number> {
  const results = await Promise.all(
    Array.from({ length: APPENDS_PER_WAVE }, (_, n) =>
      log.append(`wave ${wave} vm ${n}`, null, ENTRY, n % 5 === 0 ? 'reserved' : 'ordinary'),
    ),
  );
  let refusals = 0;
  for (const [n, result] of results.entries()) {
    if (result.kind === 'appended') acknowledged.set(`wave ${wave} vm ${n}/1`, ENTRY);
    else if (n % 5 === 0) assert.fail(`a reserved append got ${JSON.stringify(result)}`);
    else {
      assert.equal(result.kind === 'refused' && result.reason, 'full');
      refusals += 1;
    }
  }
  return refusals;
}

/** The log holds exactly what was acknowledged, in whole chains. */
async function checkContents(): Promise<void> {
  const hashes = new Map<string, string>();
  const found = new Map<string, string>();
  for (const entry of await collect(log.readAll(null))) {
    assert.equal(entry.prev_hash, hashes.get(entry.stream) ?? '');
    assert.equal(entry.hash, chainHash(entry.prev_hash, entry.bytes));
    hashes.set(entry.stream, entry.hash);
    found.set(`${entry.stream}/${entry.version}`, entry.bytes);
  }
  assert.deepEqual([...found].sort(), [...acknowledged].sort());
}

/** Real storage behind a simulated clock: waits, with a bound, for the check of the room to have come back. */
async function roomIs(expected: 'free' | 'full'): Promise<void> {
  await until(
    () => log.status().room,
    (room) => room === expected,
    ROOM_LIMIT_MS,
  );
  assert.equal(log.state().mode, expected === 'full' ? 'log_full' : 'serving');
}

describe('on a full disk', () => {
  test.each(['worker', 'main'] as const)(
    'ordinary appends are refused, reserved ones go through, and both survive a new opening (%s)',
    async (placement) => {
      await open(clock, placement);
      expect(await append('vm')).toMatchObject({ kind: 'appended' });
      fillDisk(600_000);
      expect(await appendUntilFull()).toBeGreaterThan(0);
      expect(log.status().room).toBe('full');
      for (let n = 0; n < RESERVED_APPENDS; n++) {
        expect(await append(`stream ${n % 10}`, 'reserved')).toMatchObject({ kind: 'appended' });
      }
      expect(await append('vm')).toMatchObject({ kind: 'refused', reason: 'full' });
      await checkContents();
      await log.close();
      await open(clock, placement);
      expect(log.status().room).toBe('full');
      await checkContents();
      expect(await append('vm')).toMatchObject({ kind: 'refused', reason: 'full' });
      expect(await append('vm', 'reserved')).toMatchObject({ kind: 'appended' });
    },
  );

  test.each([0, 70_000, 400_000, 800_000])(
    'a batch that meets the full disk (%i bytes left) lets only its reserved appends through',
    async (leave) => {
      await open();
      // A write-ahead log that is about to be copied: the worst moment for the disk to run full.
      for (let n = 0; n < 1_200; n++) await append(`before ${n % 10}`);
      fillDisk(leave);
      let refusals = 0;
      for (let wave = 1; refusals === 0 && wave < WAVES_MAX; wave++) refusals = await appendWave(wave);
      expect(refusals).toBeGreaterThan(0);
      // Once full, always full: nothing ordinary slips in between.
      expect(await appendWave(WAVES_MAX)).toBe(ORDINARY_PER_WAVE);
      await checkContents();
    },
  );

  test('it is the ballast that lets reserved appends through: without one they are refused too', async () => {
    log = await openSqliteLog({ directory, clock, ballastBytes: 0 });
    fillDisk(100_000);
    await appendUntilFull();
    let refused = 0;
    for (let n = 0; n < 50; n++) if ((await append('vm', 'reserved')).kind === 'refused') refused += 1;
    expect(refused).toBeGreaterThan(0);
    await checkContents();
  });

  test('ordinary appends work again, by the clock, once there is room for them and for the ballast', async () => {
    await open();
    fillDisk(600_000);
    await appendUntilFull();
    await clock.advance(ROOM_CHECK_EVERY_MS * 3);
    expect(log.status().room).toBe('full');
    expect(await append('vm')).toMatchObject({ kind: 'refused' });
    rmSync(filler());
    await clock.advance(ROOM_CHECK_EVERY_MS * 2);
    await roomIs('free');
    expect(await append('vm')).toMatchObject({ kind: 'appended' });
    fillDisk(300_000);
    await appendUntilFull();
    expect(await append('vm', 'reserved')).toMatchObject({ kind: 'appended' });
    await checkContents();
  });

  test('an append that is refused looks for room itself, at most so often', async () => {
    let elapsedMs = 0;
    await open({ ...systemClock(), monotonic: () => elapsedMs, after: () => () => undefined });
    fillDisk(600_000);
    elapsedMs += ROOM_CHECK_EVERY_MS;
    await appendUntilFull();
    rmSync(filler());
    elapsedMs += ROOM_CHECK_EVERY_MS;
    expect(await append('vm')).toMatchObject({ kind: 'refused', reason: 'full' });
    await roomIs('free');
    expect(await append('vm')).toMatchObject({ kind: 'appended' });
  });

  test('a disk that was full from the beginning is an error of the opening, and room makes it open', async () => {
    fillDisk(0);
    await expect(open()).rejects.toMatchObject({ code: 'log_unwritable' });
    rmSync(filler());
    await open();
    expect(await append('vm')).toMatchObject({ kind: 'appended' });
  });

  test('the write-ahead log stays short however much is written', async () => {
    await open();
    for (let round = 0; round < 40; round++) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => append(`vm ${n}`)));
    }
    const wal = execFileSync('stat', ['-c', '%s', join(directory, 'log.sqlite-wal')], { encoding: 'utf8' });
    expect(Number(wal)).toBeLessThan(3_500_000);
    expect(acknowledged.size).toBe(4_000);
  });
});
