import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/actors/clock.ts';
import { STORAGE_LOOK_MS } from '../../src/actors/log-storage.ts';
import { openSqliteLog, type SqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { Closers } from '../../src/cli/daemon/closers.ts';
import { keepStorage, RETENTION_AFTER_START_MS } from '../../src/cli/daemon/storage.ts';
import { createHostSections } from '../../src/gateway/host-sections.ts';
import { createMetricRegistry } from '../../src/projections/metrics/metric-registry.ts';
import { collect, mustAppend } from '../contracts/log-check.ts';

/** How the daemon keeps its log small, on a real database and by a simulated clock. */

const START = Date.UTC(2026, 0, 1, 12);
const DAY_MS = 86_400_000;
const STREAM = 'a'.repeat(26);

let directory: string;
let clock: SimulatedClock;
let log: SqliteLog;
let closers: Closers;
let told: string[];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-storage-'));
  clock = new SimulatedClock(START);
  told = [];
  // On the main thread, where a turn of the event loop is all that an answer needs.
  log = await openSqliteLog({ directory, clock, placement: 'main' });
  closers = new Closers(clock, ({ part }) => told.push(part));
});
afterEach(async () => {
  await closers.closeAll();
  await log.close();
  rmSync(directory, { recursive: true });
});

async function keep(keepMs: number | null) {
  const sections = createHostSections();
  const metrics = createMetricRegistry((name) => told.push(name));
  const logger = pino({ level: 'info' }, { write: (line: string) => void told.push(JSON.parse(line).msg) });
  await keepStorage(log, keepMs, { clock, closers, logger, sections, metrics });
  return { section: () => sections.read().log_storage as Record<string, unknown>, metrics };
}

/** One record a day, each with its definition. */
async function fill(days: number): Promise<void> {
  let prev = (await log.head(STREAM))?.token ?? null;
  for (let day = 0; day < days; day++) {
    prev = (await mustAppend(log, STREAM, prev, JSON.stringify({ at: clock.now(), definition: {} }))).token;
    await clock.advance(DAY_MS);
  }
}

async function kept(): Promise<number> {
  return (await collect(log.read(STREAM))).length;
}

describe('the daemon', () => {
  test('removes old records an hour after its start and then every day, and says so', async () => {
    await fill(40);
    const { section } = await keep(30 * DAY_MS);
    await clock.advance(RETENTION_AFTER_START_MS - 1);
    expect([await kept(), section().retention]).toEqual([40, { keep_ms: 30 * DAY_MS, last: null }]);
    await clock.advance(1);
    expect(await kept()).toBe(30);
    expect(section().retention).toMatchObject({ last: { at: clock.now(), outcome: 'done', removed: 10 } });
    expect(told).toEqual(['Old records were removed.']);
    // Records are made at noon, so at 03:17 one day more is left, and the first of these runs finds nothing.
    await clock.advance(3 * DAY_MS);
    expect(await kept()).toBe(28);
    expect(told).toHaveLength(3);
  });

  test('that starts by a clock that may be wrong removes none, and says so', async () => {
    await fill(40);
    clock.step(365 * DAY_MS);
    const { section } = await keep(30 * DAY_MS);
    await clock.advance(RETENTION_AFTER_START_MS);
    expect(await kept()).toBe(40);
    expect(section().retention).toMatchObject({ last: { outcome: 'clock_doubtful', removed: 0, by_ms: 366 * DAY_MS } });
    expect(told.join()).toContain('the wall clock may be wrong');
  });

  test('that keeps records for ever removes none', async () => {
    await fill(40);
    const { section } = await keep(null);
    await clock.advance(2 * DAY_MS);
    expect([await kept(), section().retention]).toEqual([40, { keep_ms: null, last: null }]);
  });

  test('shows what the log takes up, as a section and as metrics', async () => {
    await fill(3);
    const { section, metrics } = await keep(null);
    await clock.advance(11 * STORAGE_LOOK_MS);
    expect(section()).toMatchObject({
      entries: 3,
      bytes: expect.any(Number),
      reusable_bytes: 0,
      bytes_per_day: 0,
      oldest_at: START,
      disk: { free_bytes: expect.any(Number), total_bytes: expect.any(Number), level: expect.any(String) },
    });
    const text = await metrics.text();
    expect(text).toContain('statevisor_log_entries 3\n');
    expect(text).toContain(`statevisor_log_oldest_timestamp_seconds ${START / 1_000}\n`);
    expect(text).toMatch(/statevisor_log_disk_level [012]\n/);
  });

  test('tells of a log that fails, and tries again the next day', async () => {
    await fill(40);
    const { trim } = log;
    let failing = true;
    log = { ...log, trim: (first) => (failing ? Promise.reject(new Error('told to fail')) : trim(first)) };
    const { section } = await keep(30 * DAY_MS);
    await clock.advance(RETENTION_AFTER_START_MS);
    expect(section().retention).toMatchObject({ last: { outcome: 'failed', removed: 0 } });
    failing = false;
    await clock.advance(DAY_MS);
    expect(section().retention).toMatchObject({ last: { outcome: 'done', removed: 10 } });
  });
});
