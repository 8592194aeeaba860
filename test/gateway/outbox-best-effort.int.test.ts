/** Goal: without JetStream, and without NATS, the outbox does what can be done and says so. Method: a real nats-server. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LogEntry } from '../../src/actors/contracts/log.ts';
import { until } from '../cli/daemon-process.ts';
import { within } from '../contracts/log-check.ts';
import { LIMIT_MS, OutboxScene } from './outbox-world.ts';

let scene: OutboxScene;

beforeEach(() => {
  scene = new OutboxScene();
});
afterEach(() => scene.close());

describe('without JetStream', () => {
  test('records are published for whoever listens, and it says that this is best effort', async () => {
    const nats = await scene.begin('');
    const heard: string[] = [];
    await scene.withClient(async (client) => {
      client.subscribe('statevisor.v1.records.>', {
        callback: (_, message) => void heard.push(message.headers!.get('Nats-Msg-Id')),
      });
      await client.flush();
      const made = scene.open(nats);
      await scene.writer.appendMany(300);
      await scene.caughtUp(made);
      expect(made.destination.mode()).toBe('best_effort');
      await until(
        () => heard.length,
        (count) => count === 300,
        LIMIT_MS,
      );
    });
    expect(heard).toEqual(scene.writer.written.map(({ id }) => id));
  });

  test('what went out by best effort stands in the stream once there is one', async () => {
    const nats = await scene.begin('');
    const first = scene.open(nats);
    await scene.writer.appendMany(20);
    await scene.caughtUp(first);
    await first.outbox.close();
    await nats.close();
    await scene.server.stop();
    const second = scene.open(await scene.begin());
    await scene.writer.appendMany(5);
    await scene.caughtUp(second);
    expect((await scene.kept()).map(({ id }) => id)).toEqual(scene.writer.written.map(({ id }) => id));
  });
});

test('without a connection records wait in the log, and closing does not wait for anything', async () => {
  const made = scene.open({ connection: () => null });
  await scene.writer.appendMany(7);
  await until(
    () => made.outbox.status(),
    ({ lag }) => lag.records === 7,
    LIMIT_MS,
  );
  expect(made.outbox.status()).toMatchObject({ cursor: null, last_error: 'there is no connection to NATS' });
  expect(made.told).toEqual(['Outbox: there is no connection to NATS; it is tried again.']);
  // There never is a connection: whoever waited for one would wait for ever.
  await within('the end of the outbox', made.outbox.close(), LIMIT_MS);
});

test('records that retention removed before they went out are told', async () => {
  await scene.writer.appendMany(6, 1);
  const entries: LogEntry[] = [];
  for await (const entry of scene.log.readAll(null)) entries.push(entry);
  await scene.log.trim(entries[3]!);
  const made = scene.open({ connection: () => null });
  await until(
    () => made.outbox.status().incomplete_up_to,
    (position) => position === entries[2]!.position,
    LIMIT_MS,
  );
});
