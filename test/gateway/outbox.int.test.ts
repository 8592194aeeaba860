/**
 * Goal: every record reaches the stream exactly once and in order, whatever happens to server, daemon and cursor. Method: a
 * real nats-server that is killed, stopped and filled up, and a reader that takes the stream from its beginning.
 */
import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DiscardPolicy } from '@nats-io/jetstream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { until } from '../cli/daemon-process.ts';
import { JETSTREAM, LIMIT_MS, OutboxScene, STREAM } from './outbox-world.ts';

const clock = systemClock();
let scene: OutboxScene;

beforeEach(() => {
  scene = new OutboxScene();
});
afterEach(() => scene.close());

/** In the end: each once by id, and in order within each instance. */
async function expectEverything(): Promise<void> {
  expect((await scene.kept()).map(({ id }) => id)).toEqual(scene.writer.written.map(({ id }) => id));
}

describe('with JetStream', () => {
  test('a record goes out whole, under its subject, with its position', async () => {
    const made = scene.open(await scene.begin());
    const id = await scene.writer.append('web', 'vmm.exited', { secretless: true });
    await scene.caughtUp(made);
    expect(made.destination.mode()).toBe('jetstream');
    const entry = await scene.log.head('web');
    await scene.withManager(async (manager) => {
      const message = await manager.streams.getMessage(STREAM, { seq: 1 });
      expect(message?.subject).toBe('statevisor.v1.records.host_one.web.vmm.exited');
      expect(message?.header.get('Nats-Msg-Id')).toBe(id);
      expect(message?.header.get('Statevisor-Position')).toBe(entry!.position);
      expect(message?.header.get('Statevisor-Writer')).toMatch(/^memory:[0-9a-f]{16}$/);
      expect(message?.json()).toEqual({ ...JSON.parse(entry!.bytes), position: entry!.position });
      expect(message?.string().startsWith(entry!.bytes.slice(0, -1))).toBe(true);
    });
  });

  test('the stream it makes has limits, and drops the oldest when it reaches them', async () => {
    const made = scene.open(await scene.begin());
    await scene.writer.append('web');
    await scene.caughtUp(made);
    const { config } = await scene.withManager((manager) => manager.streams.info(STREAM));
    expect(config).toMatchObject({ discard: 'old', storage: 'file', max_bytes: 536_870_912 });
    expect(config.max_age).toBe(30 * 24 * 3_600_000 * 1_000_000);
  });

  test('a server killed again and again in mid-stream: in the end every record is there once and in order', async () => {
    const nats = await scene.begin();
    const made = scene.open(nats);
    for (let round = 0; round < 4; round++) {
      const writing = scene.writer.appendMany(700);
      await until(
        () => made.outbox.status().lag.records ?? 0,
        (lag) => lag > 0,
        LIMIT_MS,
      );
      await scene.server.restart('SIGKILL');
      await writing;
    }
    await scene.caughtUp(made);
    await expectEverything();
    expect(nats.status().reconnects).toBeGreaterThan(0);
  });

  test('a server that stands still holds up nobody; the lag shows, and is made up for afterwards', async () => {
    const made = scene.open(await scene.begin());
    await scene.writer.appendMany(10);
    await scene.caughtUp(made);
    scene.server.signal('SIGSTOP');
    const began = clock.monotonic();
    await scene.writer.appendMany(2_000);
    expect(clock.monotonic() - began).toBeLessThan(LIMIT_MS);
    await until(
      () => made.outbox.status(),
      // The signal takes its time: some may be there before it has come.
      ({ lag, last_error }) => (lag.records ?? 0) > 1_000 && lag.age_ms > 0 && last_error !== null,
      LIMIT_MS,
    );
    scene.server.signal('SIGCONT');
    await scene.caughtUp(made);
    await expectEverything();
    expect(made.told.at(-1)).toBe('Outbox: goes on.');
  });

  test('a full stream takes no more until there is room; nothing is lost or changes its place', async () => {
    const nats = await scene.begin();
    await scene.withManager(async (manager) => {
      const subjects = ['statevisor.v1.records.host_one.>'];
      await manager.streams.add({ name: STREAM, subjects, max_msgs: 50, discard: DiscardPolicy.New });
    });
    const made = scene.open(nats);
    await scene.writer.appendMany(120);
    await until(
      () => made.outbox.status(),
      ({ lag, last_error }) => lag.records === 70 && /maximum messages/.test(last_error ?? ''),
      LIMIT_MS,
    );
    await scene.withManager((manager) => manager.streams.update(STREAM, { max_msgs: -1 }));
    await scene.caughtUp(made);
    await expectEverything();
  });

  test('a daemon that begins again goes on where it was, also when it had not kept its last cursor', async () => {
    const nats = await scene.begin();
    const first = scene.open(nats);
    await scene.writer.appendMany(100);
    await scene.caughtUp(first);
    await first.outbox.close();
    const early = readFileSync(scene.cursorPath, 'utf8');
    const second = scene.open(nats);
    await scene.writer.appendMany(400);
    await scene.caughtUp(second);
    await second.outbox.close();
    writeFileSync(scene.cursorPath, early);
    await scene.writer.appendMany(100);
    await scene.caughtUp(scene.open(nats, 2));
    await expectEverything();
  });

  test('what the server had acknowledged and then lost is sent again', async () => {
    const nats = await scene.begin();
    const made = scene.open(nats);
    const { directory } = scene.server;
    await scene.writer.appendMany(40);
    await scene.caughtUp(made);
    await scene.server.end();
    cpSync(join(directory, 'jetstream'), join(directory, 'earlier'), { recursive: true });
    await scene.server.start();
    await scene.writer.appendMany(40);
    await scene.caughtUp(made);
    await scene.server.end('SIGKILL');
    rmSync(join(directory, 'jetstream'), { recursive: true });
    cpSync(join(directory, 'earlier'), join(directory, 'jetstream'), { recursive: true });
    await scene.server.start();
    await scene.writer.appendMany(5);
    await until(
      () => scene.kept(),
      (kept) => kept.length === 85,
      LIMIT_MS,
    );
    await expectEverything();
  });

  test('a stream that was removed is filled again from the first record on', async () => {
    const nats = await scene.begin();
    const first = scene.open(nats);
    await scene.writer.appendMany(60);
    await scene.caughtUp(first);
    await first.outbox.close();
    await scene.withManager((manager) => manager.streams.delete(STREAM));
    await scene.caughtUp(scene.open(nats));
    await expectEverything();
  });

  test('another log under the same name of host begins with its own first record', async () => {
    const nats = await scene.begin();
    const first = scene.open(nats);
    await scene.writer.appendMany(30);
    await scene.caughtUp(first);
    await first.outbox.close();
    const before = scene.writer.written.map(({ id }) => id);
    scene.replaceLog();
    rmSync(scene.cursorPath);
    await scene.writer.append('other');
    await scene.caughtUp(scene.open(nats, 2));
    expect((await scene.kept()).map(({ id }) => id)).toEqual([...before, ...scene.writer.written.map(({ id }) => id)]);
  });

  test('a text of the log that is no record, or too large for a message, is named and holds up nobody', async () => {
    const made = scene.open(await scene.begin(`${JETSTREAM}\nmax_payload: 20000`));
    await scene.log.append('odd', null, '["no record"]');
    const large = await scene.writer.append('web', 'start', { text: 'x'.repeat(30_000) });
    const after = await scene.writer.append('web');
    await scene.caughtUp(made);
    const found = await scene.kept();
    expect(found.map(({ id }) => id)).toEqual(['odd/1', large, after]);
    expect(found[0]).toMatchObject({ subject: 'statevisor.v1.records.host_one.odd.unreadable', omitted: true });
    expect(found[1]).toMatchObject({ stream: 'web', version: 1, omitted: true });
  });

  test('the cursor is for its owner only', async () => {
    const made = scene.open(await scene.begin());
    await scene.writer.append('web');
    await scene.caughtUp(made);
    await made.outbox.close();
    expect(statSync(scene.cursorPath).mode & 0o777).toBe(0o600);
  });
});
