/**
 * Goal: whoever has to know that automation has given up hears of it, at least once and in order, whatever the receiver
 * does. Method: a real HTTP server as the receiver, which verifies what it gets; a log in memory.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { seededRandom, systemClock } from '../../src/actors/clock.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { cursorFile } from '../../src/gateway/outbox/cursor-store.ts';
import { createOutbox, type Outbox } from '../../src/gateway/outbox/outbox.ts';
import { type WebhookEvent, webhooksOption } from '../../src/gateway/webhooks/options.ts';
import { createWebhookDestination, type WebhookDestination } from '../../src/gateway/webhooks/webhook-destination.ts';
import { until } from '../cli/daemon-process.ts';
import { heldClock } from '../held-clock.ts';
import { RecordWriter } from './outbox-world.ts';
import { type Receiver, startReceiver } from './webhook-receiver.ts';

const LIMIT_MS = 30_000;
/** What an attempt may take: nothing here waits for it, a test says when it is over. */
const ATTEMPT_LIMIT_MS = 20_000;
const HOST = 'host-1';
const BLOCKED = { facts: [{ type: 'restart.blocked', reason: 'max_attempts_exceeded' }] };
const LOST = { facts: [{ type: 'instance.lost', run: 3, message: 'nobody answers' }] };
const clock = systemClock();

let secret: string;
let receiver: Receiver;
let directory: string;
let log: ReturnType<typeof createMemoryLog>;
let writer: RecordWriter;
let told: string[];
let attemptsMax: number;
const outboxes: Outbox[] = [];
const attempts = heldClock(ATTEMPT_LIMIT_MS);

beforeEach(async () => {
  secret = 'first-secret';
  receiver = await startReceiver(() => secret);
  directory = mkdtempSync(join(tmpdir(), 'statevisor-webhooks-'));
  log = createMemoryLog();
  writer = new RecordWriter(log);
  told = [];
  attemptsMax = 3;
});
afterEach(async () => {
  for (const outbox of outboxes.splice(0)) await outbox.close();
  await receiver.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Opened {
  readonly outbox: Outbox;
  readonly destination: WebhookDestination;
}

async function open(events?: readonly WebhookEvent[], url = receiver.url): Promise<Opened> {
  const [webhook] = webhooksOption.parse([{ url, name: 'pager', ...(events ? { events } : {}) }]);
  const random = seededRandom(4, clock);
  const tell = (line: string): void => void told.push(line);
  const destination = createWebhookDestination({
    webhook: webhook!,
    host: HOST,
    version: '1.2.3',
    nameOf: (instance) => (instance === 'gone' ? null : `${instance}-name`),
    secret: () => secret,
    clock: attempts.clock,
    random,
    tell,
    limits: { attemptsMax, retryMinMs: 20, retryMaxMs: 40, limitMs: ATTEMPT_LIMIT_MS },
  });
  const store = cursorFile(join(directory, 'pager.json'));
  const about = { log, destination, store, clock, tell, name: 'pager', begin: 'after_the_last_record' } as const;
  const outbox = createOutbox(about);
  outboxes.push(outbox);
  await until(
    () => outbox.status().lag.records,
    (records) => records !== null,
    LIMIT_MS,
  );
  return { outbox, destination };
}

const arrived = (count: number): Promise<unknown> =>
  until(
    () => receiver.received.length,
    (seen) => seen >= count,
    LIMIT_MS,
  );
const settled = ({ outbox }: Opened): Promise<unknown> =>
  until(
    async () => [outbox.status().cursor, (await log.extent()).last],
    ([cursor, last]) => cursor === last,
    LIMIT_MS,
  );
const ids = (): string[] => receiver.received.map(({ notice }) => notice.id);

test('automation that has given up is told, signed, with all that one needs to look further', async () => {
  const opened = await open();
  const id = await writer.append('web', 'vmm.exited', BLOCKED);
  await arrived(1);
  await settled(opened);
  const [first] = receiver.received;
  expect(first).toMatchObject({ isGenuine: true, type: 'restart.blocked', delivery: id });
  expect(Math.abs(first!.signedAt * 1000 - clock.now())).toBeLessThan(LIMIT_MS);
  expect(first!.notice).toEqual({
    id,
    type: 'restart.blocked',
    host: HOST,
    instance: 'web',
    name: 'web-name',
    at: expect.stringMatching(/^\d{4}-.+Z$/),
    position: (await log.head('web'))!.position,
    details: { reason: 'max_attempts_exceeded' },
  });
  expect(opened.destination.status()).toMatchObject({ state: 'idle', delivered: 1, parked: 0 });
});

test('what is no reason to call anybody is not told, nor what happened before the webhook was there', async () => {
  await writer.append('web', 'vmm.exited', LOST);
  const opened = await open();
  await writer.append('web', 'stop', { facts: [{ type: 'restart.blocked', reason: 'manual_stop' }] });
  await writer.append('web', 'start', { note: '"type":"instance.lost"' });
  const id = await writer.append('gone', 'vmm.exited', LOST);
  await arrived(1);
  await settled(opened);
  expect(ids()).toEqual([id]);
  expect(receiver.received[0]!.notice).toMatchObject({ name: null, details: { run: 3, message: 'nobody answers' } });
});

test('a webhook hears of the events it names and of no others', async () => {
  const opened = await open(['instance.lost']);
  await writer.append('web', 'vmm.exited', BLOCKED);
  const id = await writer.append('web', 'vmm.exited', LOST);
  await settled(opened);
  expect(ids()).toEqual([id]);
});

test('a receiver that fails is asked again, and the order stays', async () => {
  receiver.answerNext(500, 'hang', 200);
  const opened = await open();
  const first = await writer.append('web', 'vmm.exited', BLOCKED);
  const second = await writer.append('db', 'vmm.exited', LOST);
  await arrived(2);
  attempts.letGo();
  await settled(opened);
  expect(ids()).toEqual([first, first, first, second]);
  expect(told).toEqual(['Webhook pager: the receiver answered 500; it is tried again.', 'Webhook pager: goes on.']);
});

test('a receiver that is not there is found when it comes', async () => {
  await receiver.close();
  attemptsMax = 1_000;
  const opened = await open();
  const id = await writer.append('web', 'vmm.exited', LOST);
  await until(
    () => opened.destination.lastError(),
    (error) => error !== null,
    LIMIT_MS,
  );
  expect(opened.destination.lastError()).toBe('the receiver cannot be reached (ECONNREFUSED)');
  await receiver.listen();
  await settled(opened);
  expect(ids()).toEqual([id]);
});

test('a notice that nobody takes is parked, told, and does not hold up the next one', async () => {
  receiver.answerNext(500, 500, 500, 200);
  const opened = await open();
  const lost = await writer.append('web', 'vmm.exited', LOST);
  const next = await writer.append('web', 'vmm.exited', BLOCKED);
  await settled(opened);
  expect(ids()).toEqual([lost, lost, lost, next]);
  expect(opened.destination.status()).toMatchObject({
    delivered: 1,
    parked: 1,
    last_parked: [{ id: lost, type: 'instance.lost', instance: 'web', reason: 'the receiver answered 500' }],
  });
  expect(told).toContain('Webhook pager: instance.lost of web was given up after 3 attempts.');
});

test('a redirect is not followed', async () => {
  receiver.answerNext(307, 307, 307);
  const opened = await open();
  await writer.append('web', 'vmm.exited', LOST);
  await settled(opened);
  expect(receiver.received).toHaveLength(3);
  expect(opened.destination.status().last_parked[0]!.reason).toBe('the receiver answered 307');
});

test('the next daemon goes on from the cursor: what was told is not told again, what was not is', async () => {
  const first = await open();
  const before = await writer.append('web', 'vmm.exited', LOST);
  await settled(first);
  await first.outbox.close();
  await receiver.close();
  const between = await writer.append('web', 'vmm.exited', BLOCKED);
  await receiver.listen();
  const second = await open();
  await settled(second);
  expect(ids()).toEqual([before, between]);
  expect(second.destination.status().delivered).toBe(2);
});

test('a new secret counts from the next attempt on', async () => {
  const opened = await open();
  await writer.append('web', 'vmm.exited', LOST);
  await settled(opened);
  secret = 'second-secret';
  await writer.append('web', 'vmm.exited', LOST);
  await settled(opened);
  expect(receiver.received.map(({ isGenuine }) => isGenuine)).toEqual([true, true]);
});

test('a receiver that never answers holds up neither the log nor the end of the daemon', async () => {
  receiver.answerNext('hang', 'hang', 'hang');
  const opened = await open();
  await writer.append('web', 'vmm.exited', LOST);
  await arrived(1);
  const began = clock.monotonic();
  await writer.appendMany(1_000);
  await opened.outbox.close();
  expect(clock.monotonic() - began).toBeLessThan(LIMIT_MS);
});

test('neither what is shown nor what is kept holds the path of the URL or the secret', async () => {
  receiver.answerNext(500);
  const opened = await open();
  await writer.append('web', 'vmm.exited', LOST);
  await settled(opened);
  await opened.outbox.close();
  const shown = JSON.stringify([opened.destination.status(), opened.outbox.status(), told]);
  const kept = readFileSync(join(directory, 'pager.json'), 'utf8');
  expect(opened.destination.status().origin).toBe(new URL(receiver.url).origin);
  for (const text of [shown, kept]) {
    expect(text).not.toContain('hidden');
    expect(text).not.toContain(secret);
  }
});
