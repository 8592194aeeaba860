/**
 * Goal: tools for NATS micro services find the daemon and everything it offers. Method: the client of the services package,
 * which is not what answers, asks a real nats-server.
 */
import { type ServiceInfo, type ServiceStats, Svcm } from '@nats-io/services';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { seededRandom } from '../../src/actors/clock.ts';
import { createHostSections } from '../../src/gateway/host-sections.ts';
import { createNatsGateway } from '../../src/gateway/nats/nats-gateway.ts';
import { subjectOf } from '../../src/gateway/nats/subjects.ts';
import { HOST_VERBS, SCOPE_OF, VERBS } from '../../src/gateway/use-cases/contract.ts';
import { createHostUseCases } from '../../src/gateway/use-cases/use-cases.ts';
import { GRANTS } from '../contracts/door.world.ts';
import { gatewayScene, HOST, type Scene } from './gateway-scene.ts';
import { ask, connectTo, type NatsServer, SERVICE, startNatsServer } from './nats-door.ts';

/** The client gives up after a second when it is not told. */
const ANSWER = { timeout: 30_000 };

let server: NatsServer;
let scene: Scene;
let client: NatsConnection;
const opened: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  scene = await gatewayScene();
  client = await connection();
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

async function gateway(host: string, seed: number) {
  const { supervisor, instances, feed, useCases, clock } = scene;
  const sections = createHostSections();
  const hostUseCases = createHostUseCases({ supervisor, instances, feed, sections, host, version: SERVICE.version });
  const random = seededRandom(seed, clock);
  const service = { ...SERVICE, metadata: { ...SERVICE.metadata, host } };
  const about = { useCases, hostUseCases, tokens: GRANTS, host, service, clock, random };
  const door = await createNatsGateway({ ...about, connection: await connection() });
  opened.push(() => door.close());
  return door;
}

/** Of so many daemons, however long they take. The package has its own, older copy of the client's types. */
function discovery(daemons = 1): ReturnType<Svcm['client']> {
  const services = new Svcm(client as unknown as ConstructorParameters<typeof Svcm>[0]);
  return services.client({ strategy: 'count', maxMessages: daemons, maxWait: ANSWER.timeout });
}

async function all<T>(answers: Promise<AsyncIterable<T>>): Promise<T[]> {
  const found: T[] = [];
  for await (const answer of await answers) found.push(answer);
  return found;
}

const infoOf = async (): Promise<ServiceInfo> => (await all(discovery().info('statevisor')))[0]!;
const statsOf = async (): Promise<ServiceStats> => (await all(discovery().stats('statevisor')))[0]!;

test('every daemon answers a ping with its host, version and log, asked for by any name, its own, or its id', async () => {
  await gateway('one', 1);
  await gateway('two', 2);
  const found = await all(discovery(2).ping());
  expect(found.map(({ name, version, metadata }) => ({ name, version, host: metadata?.host }))).toEqual(
    expect.arrayContaining(['one', 'two'].map((host) => ({ name: 'statevisor', version: '1.2.3', host }))),
  );
  const one = found.find(({ metadata }) => metadata?.host === 'one')!;
  expect(one.metadata).toEqual({ host: 'one', log: 'memory', survives: 'process' });
  expect(await all(discovery().ping('statevisor', one.id))).toEqual([one]);
  await expect(client.request('$SRV.PING.elsewhere', '', ANSWER)).rejects.toThrow('no responders');
});

test('the info lists verbs on instances for any daemon and for this host, those about the host for this one only', async () => {
  await gateway(HOST, 1);
  const { endpoints } = await infoOf();
  const listed = endpoints.map(({ subject, queue_group }) => `${subject} ${queue_group}`);
  expect(listed).toEqual([
    ...VERBS.map((verb) => `statevisor.v1.instances.${verb} statevisor`),
    ...VERBS.map((verb) => `statevisor.v1.hosts.${HOST}.instances.${verb} `),
    ...HOST_VERBS.map((verb) => `statevisor.v1.hosts.${HOST}.host.${verb} `),
  ]);
  expect(new Set(endpoints.map(({ name }) => name)).size).toBe(endpoints.length);
  for (const { name, subject, metadata } of endpoints) {
    expect(name).toMatch(/^[\w-]+$/);
    const verb = VERBS.find((candidate) => subject === subjectOf(candidate));
    if (verb !== undefined) expect(metadata?.scope).toBe(SCOPE_OF[verb]);
    expect(JSON.parse(metadata!.schema!), name).toMatchObject({ type: 'object', additionalProperties: false });
    expect(JSON.parse(metadata!.reply!), name).toMatchObject({ type: 'object' });
  }
});

test('a schema takes what its verb takes and refuses what its verb refuses', async () => {
  await gateway(HOST, 1);
  const { endpoints } = await infoOf();
  const schema = (verb: string) => {
    const endpoint = endpoints.find(({ subject }) => subject === subjectOf(verb))!;
    return z.fromJSONSchema(JSON.parse(endpoint.metadata!.schema!));
  };
  const web = { name: 'web', image: 'demo', restart_policy: { policy: 'always', backoff: '1s' }, wait: '1m' };
  expect(schema('create').safeParse(web).success).toBe(true);
  for (const wrong of [{ image: 'demo' }, { ...web, vcpus: 65 }, { ...web, colour: 'red' }, { ...web, name: 'Web!' }]) {
    expect(schema('create').safeParse(wrong).success, JSON.stringify(wrong)).toBe(false);
  }
  expect(schema('hold').safeParse({ id: 'web', for: '5m' }).success).toBe(true);
  expect(schema('hold').safeParse({ for: '5m' }).success).toBe(false);
});

test('an answer has the shape that the info promises', async () => {
  await gateway(HOST, 1);
  await scene.running('web');
  const { endpoints } = await infoOf();
  for (const [verb, input] of [
    ['get', { id: 'web' }],
    ['list', {}],
    ['history', { id: 'web' }],
    ['wait', { id: 'web', state: 'Running' }],
    ['hold', { id: 'web', for: '5m' }],
  ] as const) {
    const { body, status } = await ask(client, subjectOf(verb), new TextEncoder().encode(JSON.stringify(input)));
    expect(status, JSON.stringify(body)).toBeLessThan(300);
    const reply = endpoints.find(({ subject }) => subject === subjectOf(verb))!.metadata!.reply!;
    expect(z.fromJSONSchema(JSON.parse(reply)).safeParse(body).error, verb).toBeUndefined();
  }
});

test('the statistics count requests, refusals and the last of them, for each subject by itself', async () => {
  await gateway(HOST, 1);
  const get = new TextEncoder().encode(JSON.stringify({ id: 'nobody' }));
  await ask(client, subjectOf('list'), new Uint8Array());
  const refused = await client.request(subjectOf('get'), get, ANSWER);
  expect(refused.headers?.get('Nats-Service-Error-Code')).toBe('401');
  await ask(client, subjectOf('get', HOST), get);
  await ask(client, subjectOf('get', HOST), get);
  await ask(client, subjectOf('no-such-verb'), get);
  const { endpoints, started } = await statsOf();
  const counted = (verb: string, host?: string) =>
    endpoints!.find(({ subject }) => subject === subjectOf(verb, host)) as unknown as Record<string, unknown>;
  expect(counted('list')).toMatchObject({ num_requests: 1, num_errors: 0, last_error: '' });
  expect(counted('get')).toMatchObject({ num_requests: 1, num_errors: 1 });
  expect(counted('get', HOST)).toMatchObject({
    num_requests: 2,
    num_errors: 2,
    last_error: 'not_found: There is no instance nobody.',
  });
  expect(endpoints!.reduce((sum, { num_requests }) => sum + num_requests, 0)).toBe(4);
  expect(started).toBe('2026-01-01T12:00:00.000Z');
});

test('a verb about a host is answered by that host, and by none when it is not named', async () => {
  await gateway('one', 1);
  await gateway('two', 2);
  for (const host of ['one', 'two', 'one', 'two']) {
    const answer = await ask(client, `statevisor.v1.hosts.${host}.host.status`, new Uint8Array());
    expect(answer).toMatchObject({ status: 200, body: { host } });
  }
  for (const verb of HOST_VERBS) {
    await expect(client.request(`statevisor.v1.host.${verb}`, '{}', ANSWER), verb).rejects.toThrow('no responders');
  }
  const unknown = await ask(client, 'statevisor.v1.hosts.one.host.explode', new Uint8Array());
  expect(unknown).toMatchObject({ status: 404, body: { code: 'unknown_verb' } });
});

test('a daemon whose door was closed is not found any more', async () => {
  const door = await gateway(HOST, 1);
  await door.close();
  await expect(client.request('$SRV.PING', '', { timeout: 1_000 })).rejects.toThrow();
});
