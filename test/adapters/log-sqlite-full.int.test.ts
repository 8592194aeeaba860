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
import { collect } from '../contracts/log-check.ts';

const START_MS = 1_767_268_800_000;
const DISK_BYTES = 16_777_216;
const ENTRY = 'x'.repeat(1_500);
/** What has to fit into the room kept free, at the least. */
const RESERVED_APPENDS = 400;

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
    return count;
  }
  return assert.fail('the disk never ran full');
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
  for (let step = 0; step < 500 && log.status().room !== expected; step++) await systemClock().sleep(10);
  assert.equal(log.status().room, expected);
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

  test('a batch that meets the full disk lets its reserved appends through and acknowledges no other', async () => {
    await open();
    await append('first');
    fillDisk(400_000);
    const results = await Promise.all(
      Array.from({ length: 600 }, (_, n) => log.append(`vm ${n}`, null, ENTRY, n % 3 === 0 ? 'reserved' : 'ordinary')),
    );
    results.forEach((result, n) => {
      if (result.kind === 'appended') acknowledged.set(`vm ${n}/1`, ENTRY);
      if (n % 3 === 0) assert.equal(result.kind, 'appended');
      else assert.equal(result.kind === 'refused' && result.reason, 'full');
    });
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
