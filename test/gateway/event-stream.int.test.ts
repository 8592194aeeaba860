/**
 * Goal: the feed over HTTP skips and repeats nothing for any reader, and a slow or rude one costs the others nothing.
 * Method: real sockets; records are appended while clients connect, leave in the midst, and come back with their cursor.
 */
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { seededRandom, systemClock } from '../../src/actors/clock.ts';
import { createHostSections } from '../../src/gateway/host-sections.ts';
import { createHttpGateway, type HttpGateway } from '../../src/gateway/http/http-gateway.ts';
import { sseMessages } from '../../src/gateway/http/sse-messages.ts';
import { EVENT_STREAMS_MAX } from '../../src/gateway/use-cases/streams.ts';
import { createHostUseCases } from '../../src/gateway/use-cases/use-cases.ts';
import { until } from '../cli/daemon-process.ts';
import { GRANTS, TOKENS } from '../contracts/door.world.ts';
import { allOf, type Writer, writer } from '../projections/feed/feed-scene.ts';
import { gatewayScene, HOST, OPERATOR, type Scene } from './gateway-scene.ts';

const CLIENTS = 200;
const RECORDS = 600;
const WAIT_MS = 30_000;
const random = seededRandom(5, systemClock());

let scene: Scene;
let gateway: HttpGateway;
let out: Writer;

beforeEach(async () => {
  scene = await gatewayScene();
  out = writer(scene.log);
  gateway = await createHttpGateway({
    useCases: scene.useCases,
    hostUseCases: createHostUseCases({ ...scene, sections: createHostSections(), host: HOST, version: '1.2.3' }),
    streams: scene.streams,
    tokens: GRANTS,
    listen: { host: '127.0.0.1', port: 0 },
    clock: systemClock(),
    random: seededRandom(11, scene.clock),
  });
});
afterEach(async () => {
  await gateway.close();
  await scene.close();
});

const authorization = `Bearer ${TOKENS.reader}`;
const accept = 'text/event-stream';

function open(path: string, more: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(`${gateway.url}${path}`, { headers: { authorization, accept, ...more }, signal });
}

/** A number below `most`, the same in every run of the test. */
function roll(most: number): number {
  return Number.parseInt(random.hex(3), 16) % most;
}

/** Reads from a cursor until so many records have come; answers them and the last cursor. */
async function readSome(cursor: string, most: number): Promise<{ ids: string[]; cursor: string }> {
  const leave = new AbortController();
  const response = await open('/v1/events?after=beginning', { 'last-event-id': cursor }, leave.signal);
  const ids: string[] = [];
  for await (const { id, data } of sseMessages(response.body!)) {
    if (data !== null && ids.push(id) >= most) break;
  }
  leave.abort();
  return { ids, cursor: ids.at(-1) ?? cursor };
}

async function writeSome(count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, n) => out.write(n % 7)));
}

async function positions(): Promise<string[]> {
  return (await allOf(scene.log)).map(({ position }) => position);
}

test('200 clients that leave and come back at random get every record once and in order', {
  timeout: 120_000,
}, async () => {
  const writing = (async () => {
    for (let n = 0; n < RECORDS; n += 20) {
      await writeSome(20);
      await systemClock().turn();
    }
  })();
  const clients = Array.from({ length: CLIENTS }, async () => {
    const got: string[] = [];
    for (let cursor = 'beginning'; got.length < RECORDS; ) {
      const some = await readSome(cursor, Math.min(RECORDS - got.length, 1 + roll(RECORDS)));
      got.push(...some.ids);
      cursor = some.cursor;
    }
    return got;
  });
  await writing;
  const all = await positions();
  expect(all).toHaveLength(RECORDS);
  for (const got of await Promise.all(clients)) expect(got).toEqual(all);
  await until(
    () => scene.feed.followers(),
    (left) => left === 0,
    WAIT_MS,
  );
});

describe('a stream of events', () => {
  test('begins at the present with a cursor that holds, and brings records as JSON under their event’s type', async () => {
    await writeSome(3);
    const leave = new AbortController();
    const response = await open('/v1/events', {}, leave.signal);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const messages = sseMessages(response.body!);
    expect((await messages.next()).value).toEqual({ id: (await positions()).at(-1), event: 'message', data: null });
    const position = await out.write(0);
    const { value } = await messages.next();
    expect(value).toMatchObject({ id: position, event: expect.any(String) });
    expect(JSON.parse(value!.data!)).toMatchObject({
      position,
      event: { type: value!.event },
      time: expect.any(String),
    });
    leave.abort();
  });

  test('a reader that reads nothing delays nobody, and little is kept for it', async () => {
    const idle = await silentReader();
    const live = readSome('beginning', 5_000);
    for (let n = 0; n < 50; n++) await writeSome(100);
    expect((await live).ids).toEqual(await positions());
    expect(idle.received()).toBe(0);
    idle.socket.destroy();
    await until(
      () => scene.feed.followers(),
      (left) => left === 0,
      WAIT_MS,
    );
  });

  test('of one instance, and of one type, bring those alone', async () => {
    const web = await scene.running('web');
    await scene.running('db');
    const page = await open('/v1/events?instance=web&type=instance.', { accept: 'application/json' });
    const { records, next, more } = (await page.json()) as {
      records: { stream: string }[];
      next: string;
      more: boolean;
    };
    expect(records.length).toBeGreaterThan(3);
    expect(records.every(({ stream }) => stream === web)).toBe(true);
    expect({ next, more }).toEqual({ next: (await positions()).at(-1), more: false });
  });

  test.each([
    ['after=yesterday', 400, 'invalid_request', 'after'],
    ['after=66', 400, 'invalid_request', 'after'],
    ['after=9999999999999999', 409, 'cursor_too_new', 'after'],
    ['type=restart', 200, undefined, undefined],
    ['type=rest', 400, 'invalid_request', 'type'],
    ['instance=nobody', 404, 'not_found', undefined],
    ['limit=3', 400, 'invalid_request', 'limit'],
    ['colour=red', 400, 'invalid_request', 'colour'],
  ])('?%s is answered with %i', async (query, status, code, field) => {
    await writeSome(1);
    const leave = new AbortController();
    const response = await open(`/v1/events?${query}`, {}, leave.signal);
    expect(response.status).toBe(status);
    if (status !== 200)
      expect(await response.json()).toMatchObject({ code, ...(field === undefined ? {} : { field }) });
    leave.abort();
  });

  test('a cursor that retention has passed is answered with the oldest one that holds', async () => {
    await writeSome(30);
    const all = await allOf(scene.log);
    await scene.log.trim(all.findLast(({ stream }) => stream === all[0]!.stream)!);
    const response = await open(`/v1/events?after=${all[0]!.position}`);
    const { completeAfter } = await scene.log.extent();
    expect(response.status).toBe(410);
    expect(await response.json()).toMatchObject({ code: 'cursor_too_old', details: { oldest: completeAfter } });
  });

  test('needs a token that may read, and there are only so many', async () => {
    expect((await fetch(`${gateway.url}/v1/events`, { headers: { accept } })).status).toBe(401);
    expect((await open('/v1/events', { authorization: `Bearer ${TOKENS.nobody}` })).status).toBe(403);
    const caller = { ...OPERATOR, signal: new AbortController().signal };
    const streams = await Promise.all(
      Array.from({ length: EVENT_STREAMS_MAX }, () => scene.streams.events({}, caller)),
    );
    const refused = await open('/v1/events');
    expect({ status: refused.status, body: await refused.json() }).toMatchObject({
      status: 429,
      body: { code: 'busy' },
    });
    await streams[0]!.next();
    await streams[0]!.return();
    const leave = new AbortController();
    expect((await open('/v1/events', {}, leave.signal)).status).toBe(200);
    leave.abort();
  });

  test('ends when the door is closed', async () => {
    const response = await open('/v1/events');
    const messages = sseMessages(response.body!);
    await messages.next();
    const closed = gateway.close();
    expect(await messages.next().catch(() => ({ done: true }))).toMatchObject({ done: true });
    await closed;
    expect(scene.feed.followers()).toBe(0);
  });
});

/** A client that asks for everything and then does not take a byte of the answer. */
async function silentReader(): Promise<{ socket: Socket; received: () => number }> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  socket.pause();
  socket.write(
    `GET /v1/events?after=beginning HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nAccept: ${accept}\r\n\r\n`,
  );
  await until(
    () => scene.feed.followers(),
    (count) => count === 1,
    WAIT_MS,
  );
  return { socket, received: () => socket.bytesRead };
}
