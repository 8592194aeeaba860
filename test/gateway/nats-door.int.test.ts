/** Goal: what is particular to NATS: lost connections, shared subjects, bounds of messages. Method: a real nats-server. */
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { seededRandom, systemClock } from '../../src/actors/clock.ts';
import { createHostSections } from '../../src/gateway/host-sections.ts';
import { CONNECTIONS_MAX } from '../../src/gateway/http/http-gateway.ts';
import { createNatsGateway } from '../../src/gateway/nats/nats-gateway.ts';
import { REQUESTS_MAX } from '../../src/gateway/nats/request-desk.ts';
import { groupPrefix, subjectOf } from '../../src/gateway/nats/subjects.ts';
import type { UseCases } from '../../src/gateway/use-cases/contract.ts';
import { createHostUseCases } from '../../src/gateway/use-cases/use-cases.ts';
import { WAITERS_MAX } from '../../src/gateway/use-cases/waiting.ts';
import { GRANTS, TOKENS } from '../contracts/door.world.ts';
import { gatewayScene, HOST, OPERATOR, type Scene } from './gateway-scene.ts';
import { connectTo, type NatsServer, SERVICE, startNatsServer } from './nats-door.ts';

let server: NatsServer;
let scene: Scene;
const opened: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  scene = await gatewayScene();
});
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
  await scene.close();
});

async function connection(): Promise<NatsConnection> {
  const made = await connectTo(server.url);
  opened.push(() => made.close());
  return made;
}

async function gateway({ host = HOST, useCases = scene.useCases }: { host?: string; useCases?: UseCases } = {}) {
  const random = seededRandom(5, scene.clock);
  const { supervisor, instances, feed, clock } = scene;
  const sections = createHostSections();
  const hostUseCases = createHostUseCases({ supervisor, instances, feed, sections, host, version: SERVICE.version });
  const about = { useCases, hostUseCases, tokens: GRANTS, host, service: SERVICE, clock, random };
  const door = await createNatsGateway({ ...about, connection: await connection() });
  opened.push(() => door.close());
  return door;
}

async function request(client: NatsConnection, subject: string, input: object, timeout = 30_000) {
  const lines = headers();
  lines.set('Authorization', `Bearer ${TOKENS.operator}`);
  const reply = await client.request(subject, JSON.stringify(input), { timeout, headers: lines });
  return {
    status: reply.headers?.get('Statevisor-Status'),
    host: reply.headers?.get('Statevisor-Host'),
    body: reply.json(),
  };
}

const LOOK_MS = 25;
const LOOKS_MAX = 800;

test('a lost connection is found again, and requests are answered as before', async () => {
  await gateway();
  const client = await connection();
  expect(await request(client, subjectOf('list'), {})).toMatchObject({ status: '200' });
  await server.restart();
  let answer: unknown = null;
  for (let look = 0; look < LOOKS_MAX && answer === null; look++) {
    answer = await request(client, subjectOf('list'), {}, 500).catch(() => null);
    if (answer === null) await systemClock().sleep(LOOK_MS);
  }
  expect(answer).toMatchObject({ status: '200', body: { instances: [] } });
});

test('several daemons share the common subjects; a named one is answered by its own', async () => {
  await gateway({ host: 'one.example' });
  await gateway({ host: 'two.example' });
  const client = await connection();
  for (const host of ['one.example', 'two.example']) {
    expect(await request(client, subjectOf('list', host), {})).toMatchObject({ status: '200', host });
  }
  await request(client, subjectOf('create'), { name: 'web', image: 'demo' });
  expect(scene.instances.list()).toHaveLength(1);
});

test('a host of another name is not answered', async () => {
  await gateway();
  await expect(request(await connection(), subjectOf('list', 'elsewhere'), {})).rejects.toThrow();
});

test('the feed is read in pages, each going on where the one before ended, and logs have a verb too', async () => {
  const web = await scene.running('web');
  await gateway();
  const client = await connection();
  const seen: string[] = [];
  for (let [after, more] = ['beginning', true]; more; ) {
    const { body } = await request(client, `${groupPrefix('host', HOST)}events`, { after, limit: 2, instance: 'web' });
    const page = body as { records: { stream: string; position: string }[]; next: string; more: boolean };
    expect(page.records.every(({ stream }) => stream === web)).toBe(true);
    seen.push(...page.records.map(({ position }) => position));
    ({ next: after, more } = page);
  }
  const all: string[] = [];
  for await (const { position } of scene.log.readAll(null)) all.push(position);
  expect(seen).toEqual(all);
  const refused = await request(client, `${groupPrefix('host', HOST)}events`, { after: '9999999999999999' });
  expect(refused).toMatchObject({ status: '409', body: { code: 'cursor_too_new', details: { newest: all.at(-1) } } });
  const logs = await request(client, subjectOf('logs'), { id: 'web', tail: 1 });
  expect(logs).toMatchObject({ status: '200', body: { run: 1, source: 'console', text: 'guest is ready\n' } });
});

test('an answer that does not fit into a message is refused, not lost', async () => {
  const huge = { status: 200, body: 'x'.repeat(2_000_000), position: '', version: null, host: HOST } as const;
  await gateway({ useCases: { ...scene.useCases, history: async () => huge } });
  const answer = await request(await connection(), subjectOf('history'), { id: 'web' });
  expect(answer).toMatchObject({ status: '413', body: { code: 'payload_too_large' } });
});

test('however many wait, commands and reads are taken; closing answers those that wait', async () => {
  const id = await scene.running('web');
  const door = await gateway();
  const client = await connection();
  const wait = { id: 'web', state: 'Standby', timeout: '5m' };
  const waiting = Array.from({ length: REQUESTS_MAX + 10 }, () => request(client, subjectOf('wait'), wait, 60_000));
  expect(await request(client, subjectOf('list'), {})).toMatchObject({ status: '200' });
  expect(await request(client, subjectOf('hold'), { id, for: '1m' })).toMatchObject({ status: '200' });
  expect(await request(client, subjectOf('delete'), { id })).toMatchObject({ status: '202' });
  await door.close();
  const statuses = (await Promise.all(waiting)).map(({ status }) => status);
  expect(statuses.filter((status) => status === '200').length).toBeLessThanOrEqual(WAITERS_MAX.state);
  expect(statuses.filter((status) => status === '429').length).toBeGreaterThanOrEqual(
    REQUESTS_MAX + 10 - WAITERS_MAX.state,
  );
  expect(scene.countWaiting()).toBe(0);
});

test('all that may wait leaves room at the door for as many again', () => {
  const waiting = Object.values(WAITERS_MAX).reduce((sum, most) => sum + most, 0);
  expect(REQUESTS_MAX - waiting).toBeGreaterThanOrEqual(512);
  expect(CONNECTIONS_MAX - waiting).toBeGreaterThanOrEqual(512);
});

test('more requests than may be under way are refused as busy', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const list = async (...asked: Parameters<UseCases['list']>) => {
    await promise;
    return scene.useCases.list(...asked);
  };
  await gateway({ useCases: { ...scene.useCases, list } });
  const client = await connection();
  const slow = Array.from({ length: REQUESTS_MAX }, () => request(client, subjectOf('list'), {}, 60_000));
  expect(await request(client, subjectOf('list'), {})).toMatchObject({ status: '429', body: { code: 'busy' } });
  resolve();
  expect((await Promise.all(slow)).filter(({ status }) => status === '200')).toHaveLength(REQUESTS_MAX);
});

test('after closing nothing is taken any more', async () => {
  const door = await gateway();
  await door.close();
  await door.close();
  await expect(request(await connection(), subjectOf('list'), {}, 1_000)).rejects.toThrow();
  expect(await scene.useCases.list({}, OPERATOR)).toMatchObject({ status: 200 });
});
