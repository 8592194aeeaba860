import { describe, expect, test } from 'vitest';
import type { InstanceRecord } from '../../machines/record.ts';
import { SimulatedClock } from '../../src/actors/clock.ts';
import type { Log, LogEntry, Token } from '../../src/actors/contracts/log.ts';
import { DEFINITION_RESTATED_EVERY } from '../../src/actors/records.ts';
import {
  CLOCK_DOUBT_SHARE,
  newestRecordAt,
  RETENTION_MIN_MS,
  RETENTION_SCAN_ENTRIES,
  Retention,
} from '../../src/actors/retention.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { collect } from '../contracts/log-check.ts';
import { OPERATOR, runningInstance, type SimulatedHost, START, simulatedHost } from './simulated-host.ts';

/** Goal: what has to be kept is kept, whatever is removed. Method: the real runtime over months of simulated time. */

const DAY_MS = 86_400_000;
const KEEP_MS = 30 * DAY_MS;
const never = new AbortController().signal;

/** Stops and starts an instance once a day. */
async function days(host: SimulatedHost, id: string, count: number): Promise<void> {
  for (let day = 0; day < count; day++) {
    for (const type of ['stop', 'start'] as const) {
      await host.supervisor.command(id, { type, by: 'ann' }, OPERATOR);
      await host.clock.advance(60_000);
    }
    await host.clock.advance(DAY_MS - 120_000);
  }
}

/** Runs to the end although each pause of the scan waits for the simulated clock. */
async function run(host: { clock: SimulatedClock }, retention: Retention): ReturnType<Retention['run']> {
  const running = retention.run(never);
  let ended = false;
  void running.finally(() => {
    ended = true;
  });
  for (let turns = 0; !ended && turns < 1_000; turns++) await host.clock.advance(10);
  return running;
}

function recordsOf(entries: readonly LogEntry[]): InstanceRecord[] {
  return entries.map(({ bytes }) => JSON.parse(bytes) as InstanceRecord);
}

async function streamOf(log: Log, id: string): Promise<InstanceRecord[]> {
  return recordsOf(await collect(log.read(id)));
}

describe('retention over the real runtime', () => {
  test('removes whole beginnings: every record that is kept finds the definition it names', async () => {
    const host = await simulatedHost();
    const retention = new Retention({ log: host.log, clock: host.clock, keepMs: KEEP_MS, newestAt: null });
    const id = await runningInstance(host);
    await days(host, id, 100);
    const before = await streamOf(host.log, id);
    const outcome = await run(host, retention);
    const after = await streamOf(host.log, id);
    const cutoff = host.clock.now() - KEEP_MS;
    expect(outcome).toEqual({ kind: 'done', removed: before.length - after.length, streams: 1 });
    expect(after).toEqual(before.slice(before.length - after.length));
    expect(before.filter(({ at }) => at >= cutoff).every((record) => after.some(({ id }) => id === record.id))).toBe(
      true,
    );
    const old = after.filter(({ at }) => at < cutoff);
    expect(old.length).toBeLessThanOrEqual(DEFINITION_RESTATED_EVERY);
    for (const record of after) {
      expect(after.find(({ version }) => version === record.definition_at)?.definition).toBeDefined();
    }
    await host.restart();
    expect(host.instances.get(id)?.state).toBe('Running');
    await host.supervisor.command(id, { type: 'stop', by: 'ann' }, OPERATOR);
  });

  test('leaves a deleted instance its last record, and an instance at rest all it stands on', async () => {
    const host = await simulatedHost();
    const retention = new Retention({ log: host.log, clock: host.clock, keepMs: KEEP_MS, newestAt: null });
    const deleted = await runningInstance(host);
    const resting = await runningInstance(host, { name: 'resting' });
    await host.supervisor.command(resting, { type: 'stop', by: 'ann' }, OPERATOR);
    await host.supervisor.command(deleted, { type: 'delete', by: 'ann' }, OPERATOR);
    await host.clock.advance(60_000);
    const kept = await streamOf(host.log, resting);
    await host.clock.advance(2 * KEEP_MS);
    await run(host, retention);
    const last = await streamOf(host.log, deleted);
    expect(last.map(({ facts }) => facts.some(({ type }) => type === 'instance.deleted'))).toEqual([true]);
    expect(await streamOf(host.log, resting)).toEqual(kept);
    await host.restart();
    expect(host.supervisor.has(deleted)).toBe(false);
    expect(host.instances.get(resting)?.state).toBe('Stopped');
  });

  test('goes on where it left off, and removes day by day what has become old', async () => {
    const host = await simulatedHost();
    const read: (string | null)[] = [];
    const log: Log = {
      ...host.log,
      readAll: (after, limit) => {
        read.push(after);
        return host.log.readAll(after, limit);
      },
    };
    const retention = new Retention({ log, clock: host.clock, keepMs: KEEP_MS, newestAt: null });
    const id = await runningInstance(host);
    await days(host, id, 80);
    expect(await run(host, retention)).toMatchObject({ kind: 'done', streams: 1 });
    const first = read.splice(0);
    await days(host, id, 20);
    expect(await run(host, retention)).toMatchObject({ kind: 'done', streams: 1 });
    expect(first[0]).toBeNull();
    expect(read[0]).not.toBeNull();
    expect(await run(host, retention)).toEqual({ kind: 'done', removed: 0, streams: 0 });
  });

  test('a wall clock that was set far ahead costs nothing, however often it is tried, until it is set back', async () => {
    const host = await simulatedHost();
    const retention = new Retention({ log: host.log, clock: host.clock, keepMs: KEEP_MS, newestAt: null });
    const id = await runningInstance(host);
    await days(host, id, 100);
    host.clock.step(365 * DAY_MS);
    const before = await streamOf(host.log, id);
    for (let time = 0; time < 3; time++) {
      expect(await run(host, retention)).toEqual({ kind: 'clock_stepped', byMs: 365 * DAY_MS });
      await host.clock.advance(20 * DAY_MS);
    }
    expect(await streamOf(host.log, id)).toEqual(before);
    host.clock.step(-365 * DAY_MS);
    expect(await run(host, retention)).toMatchObject({ kind: 'done', streams: 1 });
  });
});

describe('retention after a start', () => {
  const DOUBT_MS = CLOCK_DOUBT_SHARE * KEEP_MS;

  /** A log of many days, opened again so long after its last record. */
  async function startedAfter(ms: number): Promise<{ host: SimulatedHost; id: string; retention: Retention }> {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    await days(host, id, 100);
    await host.supervisor.close();
    const last = await newestRecordAt(host.log);
    host.clock.step((last ?? 0) + ms - host.clock.now());
    const newestAt = await newestRecordAt(host.log);
    const retention = new Retention({ log: host.log, clock: host.clock, keepMs: KEEP_MS, newestAt });
    return { host, id, retention };
  }

  test('removes what is old when the log goes on where it ended', async () => {
    const { host, retention } = await startedAfter(DOUBT_MS);
    expect(await run(host, retention)).toMatchObject({ kind: 'done', streams: 1 });
  });

  test('removes nothing when the newest record is too old for the clock to be believed', async () => {
    const { host, id, retention } = await startedAfter(365 * DAY_MS);
    const before = await streamOf(host.log, id);
    for (let time = 0; time < 2; time++) {
      expect(await run(host, retention)).toEqual({ kind: 'clock_doubtful', byMs: 365 * DAY_MS });
      // What this daemon records by such a clock makes it no more right.
      await host.restart();
      await host.supervisor.command(id, { type: 'stop', by: 'ann' }, OPERATOR);
      await host.clock.advance(60_000);
    }
    expect((await streamOf(host.log, id)).slice(0, before.length)).toEqual(before);
    host.clock.step(-365 * DAY_MS);
    expect(await run(host, retention)).toMatchObject({ kind: 'done', streams: 1 });
  });

  test('believes a clock that nobody sets back for as long as that', async () => {
    const { host, retention } = await startedAfter(2 * DOUBT_MS);
    await host.clock.advance(DOUBT_MS - DAY_MS);
    expect(await run(host, retention)).toEqual({ kind: 'clock_doubtful', byMs: 2 * DOUBT_MS });
    await host.clock.advance(DAY_MS);
    expect(await run(host, retention)).toMatchObject({ kind: 'done', streams: 1 });
  });

  test('takes an empty log, and one of others, as it is', async () => {
    const log = createMemoryLog();
    expect(await newestRecordAt(log)).toBeNull();
    await log.append('somebody.else', null, 'not a record');
    expect(await newestRecordAt(log)).toBeNull();
  });
});

describe('retention over other streams', () => {
  async function fill(log: Log, stream: string, texts: readonly string[]): Promise<void> {
    let prev: Token | null = null;
    for (const bytes of texts) {
      const result = await log.append(stream, prev, bytes);
      if (result.kind === 'appended') prev = result.token;
    }
  }

  test('removes nothing of a stream it does not know, and of the host what a later record repeats', async () => {
    const log = createMemoryLog();
    const clock = new SimulatedClock(START);
    const old = START - 2 * RETENTION_MIN_MS;
    await fill(log, 'somebody.else', ['{"at":1,"definition":{}}', '{"at":2,"definition":{}}']);
    await fill(log, 'host', [
      `{"at":${old}}`,
      `{"at":${old},"state":{}}`,
      `{"at":${old},"state":{}}`,
      `{"at":${START}}`,
    ]);
    await fill(log, 'a'.repeat(26), ['not a record', '{"at":1,"definition":{}}', `{"at":${START},"definition":{}}`]);
    const retention = new Retention({ log, clock, keepMs: RETENTION_MIN_MS, newestAt: null });
    expect(await run({ clock }, retention)).toEqual({ kind: 'done', removed: 3, streams: 2 });
    const kept = (await collect(log.readAll(null))).map(({ stream, version }) => `${stream.slice(0, 8)}/${version}`);
    expect(kept).toEqual(['somebody/1', 'somebody/2', 'host/3', 'host/4', 'aaaaaaaa/2', 'aaaaaaaa/3']);
  });

  test('lets others have the log between one page and the next, and stops when it is told to', async () => {
    const log = createMemoryLog();
    const clock = new SimulatedClock(START);
    const stream = 'b'.repeat(26);
    await fill(
      log,
      stream,
      Array.from({ length: 3 * RETENTION_SCAN_ENTRIES }, () => '{"at":1,"definition":{}}'),
    );
    const retention = new Retention({ log, clock, keepMs: RETENTION_MIN_MS, newestAt: null });
    const ending = new AbortController();
    const running = retention.run(ending.signal);
    await clock.settle();
    expect(clock.nextTimerInMs()).toBe(10);
    ending.abort();
    expect(await running).toEqual({ kind: 'aborted' });
    expect(await collect(log.read(stream))).toHaveLength(3 * RETENTION_SCAN_ENTRIES);
    expect(await run({ clock }, retention)).toMatchObject({ kind: 'done', removed: 3 * RETENTION_SCAN_ENTRIES - 1 });
  });
});
