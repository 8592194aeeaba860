import { beforeEach, describe, expect, test } from 'vitest';
import type { InstanceRecord } from '../../machines/record.ts';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import { CLOCK_LOOK_MS } from '../../src/actors/timer-heap.ts';
import { check } from './checker.ts';
import { type SmallWorld, startSmallWorld } from './small-world.ts';

const HOUR_MS = 3_600_000;
const BACKOFF_MS = 600_000;
const BOOTED_MS = 2_000;

let small: SmallWorld;
let web: string;

beforeEach(async () => {
  small = await startSmallWorld();
  const restart_policy = {
    policy: 'always' as const,
    backoff_ms: BACKOFF_MS,
    max_attempts: 0,
    stable_after_ms: 60_000,
  };
  web = await small.create({ restart_policy });
  await small.clock.advance(BOOTED_MS);
});

async function recordsOf(id: string): Promise<InstanceRecord[]> {
  const records: InstanceRecord[] = [];
  for await (const entry of small.log.read(id)) records.push(parseRecord(entry.bytes));
  return records;
}

const phase = (): string | undefined => small.instances.get(web)?.phase;

/** The guest ends twice, so that the second restart has to wait for its backoff. */
async function intoBackoff(): Promise<void> {
  for (let life = 0; life < 2; life++) {
    await small.world.guestExit(web, 1);
    await small.clock.advance(BOOTED_MS);
  }
  expect(phase()).toBe('backoff');
}

/** All but the one rule that compares times of two processes: it is for runs in which nobody steps the clock. */
async function expectLawsKept(): Promise<void> {
  expect(check(await small.evidence()).filter(({ rule }) => rule !== 'boot_after_stop')).toEqual([]);
  const at = (await recordsOf(web)).map((record) => record.at);
  expect(at).toEqual(at.toSorted((a, b) => a - b));
}

describe('a step of the wall clock', () => {
  test('forward makes what is overdue fire at the next look at the clock, once', async () => {
    await intoBackoff();
    small.clock.step(HOUR_MS);
    await small.clock.advance(CLOCK_LOOK_MS);
    await small.clock.advance(BOOTED_MS);
    expect(phase()).toBe('running');
    const fired = (await recordsOf(web)).filter(({ event }) => event.type === 'timer.backoff');
    expect(fired).toHaveLength(1);
    expect(small.reports).toContain(`The wall clock was stepped by ${HOUR_MS} ms.`);
    await expectLawsKept();
  });

  test('backward makes nothing fire before its recorded instant, and no record is dated before the last', async () => {
    await intoBackoff();
    small.clock.step(-HOUR_MS);
    await small.clock.advance(HOUR_MS);
    expect(phase()).toBe('backoff');
    await small.clock.advance(BACKOFF_MS + BOOTED_MS + CLOCK_LOOK_MS);
    expect(phase()).toBe('running');
    const fired = (await recordsOf(web)).find(({ event }) => event.type === 'timer.backoff')!;
    expect('due' in fired.event && fired.at >= fired.event.due).toBe(true);
    expect(small.reports).toContain(`The wall clock was stepped by ${-HOUR_MS} ms.`);
    await expectLawsKept();
  });

  test.each([HOUR_MS, -HOUR_MS])('of %i ms leaves a running VM untouched', async (byMs) => {
    const pid = small.instances.get(web)?.pid;
    small.clock.step(byMs);
    await small.clock.advance(10 * CLOCK_LOOK_MS);
    small.clock.step(-byMs);
    await small.clock.advance(10 * CLOCK_LOOK_MS);
    expect(small.instances.get(web)).toMatchObject({ phase: 'running', run: 1, pid });
    expect(await small.world.countVmms(web)).toBe(1);
    await expectLawsKept();
  });

  test('backward lets commands be accepted and dated no earlier than the record before', async () => {
    small.clock.step(-HOUR_MS);
    await small.command(web, { type: 'stop', by: 'test' });
    await small.clock.advance(10_000);
    expect(phase()).toBe('stopped');
    await expectLawsKept();
  });
});
