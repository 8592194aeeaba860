import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/actors/clock.ts';
import type { Log, LogUsage } from '../../src/actors/contracts/log.ts';
import { diskLevel, LogStorage, STORAGE_LOOK_MS } from '../../src/actors/log-storage.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';

const START = Date.UTC(2026, 0, 1, 12);
const GIB = 1_073_741_824;
const DISK_BYTES = 100 * GIB;

function scene() {
  const clock = new SimulatedClock(START);
  const inner = createMemoryLog();
  const disk = { free_bytes: 50 * GIB, total_bytes: DISK_BYTES };
  let failing = false;
  const log: Log = {
    ...inner,
    usage: async (): Promise<LogUsage> => {
      if (failing) throw new Error('told to be blind');
      return { ...(await inner.usage()), disk: { ...disk } };
    },
  };
  const levels: string[] = [];
  const problems: string[] = [];
  const storage = new LogStorage({
    log,
    clock,
    onLevel: (level) => levels.push(level),
    report: (message) => problems.push(message),
  });
  const look = async (freeGib: number): Promise<void> => {
    disk.free_bytes = freeGib * GIB;
    await clock.advance(STORAGE_LOOK_MS);
  };
  return {
    clock,
    log,
    storage,
    levels,
    problems,
    look,
    fail: (yes: boolean) => {
      failing = yes;
    },
  };
}

describe('the disk below the log', () => {
  test('is told of once for each crossing, not for each look, in both directions', async () => {
    const { storage, levels, look } = scene();
    await storage.start();
    for (const free of [50, 2.1, 1.9, 1.8, 2.1, 1.9, 0.2, 0.26, 0.2, 2.2, 2.5, 50]) await look(free);
    storage.close();
    expect(levels).toEqual(['low', 'very_low', 'low', 'enough']);
  });

  test.each([
    ['a small disk', 4 * GIB, 0.41 * GIB, 'enough'],
    ['a small disk', 4 * GIB, 0.39 * GIB, 'low'],
    ['a small disk', 4 * GIB, 0.11 * GIB, 'very_low'],
    ['a large disk', 4_000 * GIB, 3 * GIB, 'enough'],
    ['a large disk', 4_000 * GIB, 1.5 * GIB, 'low'],
    ['a large disk', 4_000 * GIB, 0.2 * GIB, 'very_low'],
  ] as const)('%s of %d bytes with %d free is %s', (_what, total_bytes, free_bytes, level) => {
    expect(diskLevel({ total_bytes, free_bytes }, 'enough')).toBe(level);
  });

  test('very low that eases is low, at once when it is clearly so', () => {
    expect(diskLevel({ total_bytes: DISK_BYTES, free_bytes: 1 * GIB }, 'very_low')).toBe('low');
    expect(diskLevel({ total_bytes: DISK_BYTES, free_bytes: 10 * GIB }, 'very_low')).toBe('enough');
  });
});

describe('growth of the log', () => {
  test('is estimated from what was appended, once it was watched for ten minutes', async () => {
    const { clock, log, storage } = scene();
    await storage.start();
    await log.append('a', null, `{"at":${START}}${'x'.repeat(9_980)}`);
    await clock.advance(5 * STORAGE_LOOK_MS);
    expect(storage.view()).toMatchObject({ entries: 1, oldest_at: START, bytes_per_day: null });
    await clock.advance(5 * STORAGE_LOOK_MS);
    const view = storage.view();
    storage.close();
    expect(view?.bytes_per_day).toBeGreaterThan(1_400_000);
    expect(view?.bytes_per_day).toBeLessThan(1_460_000);
    expect(view?.disk).toMatchObject({ level: 'enough', days_left: Math.floor((50 * GIB) / view!.bytes_per_day!) });
  });

  test('a log that cannot be measured is told of once, and looked at again', async () => {
    const { clock, storage, problems, fail } = scene();
    fail(true);
    await storage.start();
    await clock.advance(3 * STORAGE_LOOK_MS);
    expect([problems, storage.view()]).toEqual([['The log could not be measured.'], null]);
    fail(false);
    await clock.advance(STORAGE_LOOK_MS);
    storage.close();
    expect(storage.view()?.entries).toBe(0);
  });
});
