/**
 * Goal: everything an instance goes through can be asked for with nothing but a NATS client and what the daemon tells about
 * itself. Method: `@nats-io/transport-node` against a whole daemon on the simulator; every request and every answer is
 * checked against the schemas that `$SRV.INFO` lists.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type DaemonProcess, until, type Workplace, workplace } from './daemon-process.ts';

const LIMIT_MS = 60_000;
const VERBS = 'create get list update start stop restart standby restore hold delete wait history logs timeline'.split(
  ' ',
);

interface Endpoint {
  readonly name: string;
  readonly subject: string;
  readonly metadata: { readonly scope: string; readonly schema: string; readonly reply: string };
}

interface Answer {
  readonly status: number;
  /** biome-ignore lint/suspicious/noExplicitAny: read as a client without our types reads it. */
  readonly body: any;
  readonly header: (name: string) => string | undefined;
}

let place: Workplace;
let daemon: DaemonProcess;
let client: NatsConnection;
let token: string;
let endpoints: readonly Endpoint[];
/** What stands between version and verb in a subject about this host. */
let hostGroup: string;

beforeAll(async () => {
  place = workplace();
  daemon = await place.serve('--hypervisor', 'simulator', '--nats', 'auto', '--no-hello');
  const told = JSON.parse(readFileSync(join(place.data, 'endpoints.json'), 'utf8')) as Record<string, string>;
  token = readFileSync(told.token_file!, 'utf8').trim();
  const { host, username: user, password: pass } = new URL(told.nats!);
  client = await connect({ servers: host, user, pass });
  const info = (await client.request('$SRV.INFO.statevisor', '', { timeout: LIMIT_MS })).json<{
    endpoints: Endpoint[];
  }>();
  ({ endpoints } = info);
  hostGroup = endpoints
    .find(({ name }) => name === 'host_host_status')!
    .subject.split('.')
    .slice(2, -1)
    .join('.');
});

afterAll(async () => {
  await client.close();
  await daemon.end('SIGTERM');
  place.remove();
});

interface How {
  readonly id?: string;
  readonly token?: string | null;
  readonly group?: string;
}

async function send(verb: string, input: object, how: How = {}): Promise<Answer> {
  const lines = headers();
  if (how.token !== null) lines.set('Authorization', `Bearer ${how.token ?? token}`);
  if (how.id !== undefined) lines.set('Nats-Msg-Id', how.id);
  const subject = `statevisor.v1.${how.group ?? 'instances'}.${verb}`;
  const reply = await client.request(subject, JSON.stringify(input), { timeout: LIMIT_MS, headers: lines });
  const header = (name: string): string | undefined => reply.headers?.get(name) || undefined;
  return { status: Number(header('Statevisor-Status')), body: reply.json(), header };
}

function endpointOf(verb: string): Endpoint {
  return endpoints.find(({ subject }) => subject === `statevisor.v1.instances.${verb}`)!;
}

/** Sends what the schema of the verb takes; answers what is of the shape that is promised. */
async function ask(verb: string, input: object, how?: How): Promise<Answer> {
  const { schema, reply } = endpointOf(verb).metadata;
  expect(z.fromJSONSchema(JSON.parse(schema)).safeParse(input).error, `request of ${verb}`).toBeUndefined();
  const answer = await send(verb, input, how);
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  expect(z.fromJSONSchema(JSON.parse(reply)).safeParse(answer.body).error, `answer of ${verb}`).toBeUndefined();
  return answer;
}

describe('with a plain client', () => {
  test('the service lists every verb with its scope and schemas, for any daemon and for this one', () => {
    for (const verb of VERBS) expect(endpointOf(verb).metadata, verb).toMatchObject({ schema: expect.any(String) });
    const hostForms = endpoints.filter(({ subject }) => subject.startsWith('statevisor.v1.hosts.'));
    const aboutHost = hostForms.filter(({ subject }) => subject.startsWith(`statevisor.v1.${hostGroup}.`));
    expect(aboutHost.length).toBeGreaterThan(0);
    expect(hostForms).toHaveLength((endpoints.length + aboutHost.length) / 2);
    for (const { name, metadata } of endpoints) {
      expect(['read', 'operate', 'admin'], name).toContain(metadata.scope);
      for (const text of [metadata.schema, metadata.reply])
        expect(() => z.fromJSONSchema(JSON.parse(text))).not.toThrow();
    }
  });

  test('an instance is created, watched, changed, put to sleep, woken, stopped, started and removed', async () => {
    const restart_policy = { policy: 'on_failure', backoff: '1s', max_attempts: 3 };
    const created = await ask('create', { name: 'web', image: 'demo', restart_policy, wait: '30s' });
    expect([created.status, created.header('Statevisor-Outcome')]).toEqual([201, 'reached']);
    const { id } = created.body;
    const position = created.header('Statevisor-Position');
    const seen = await ask('get', { id: 'web', min_position: position });
    expect(seen.body).toMatchObject({ id, name: 'web', state: 'Running', wanted: 'running', restart_policy });
    expect((await ask('list', { state: 'Running' })).body.instances.map(({ name }: { name: string }) => name)).toEqual([
      'web',
    ]);
    const changes = { restart_policy: { policy: 'always' }, auto_standby: { enabled: true, idle_timeout: '1h' } };
    expect((await ask('update', { id, ...changes })).body.restart_policy.policy).toBe('always');
    await ask('hold', { id, for: '5m' });
    expect((await ask('standby', { id, wait: '30s' })).body).toMatchObject({ state: 'Standby', has_snapshot: true });
    expect((await ask('restore', { id, wait: '30s' })).body.state).toBe('Running');
    expect((await ask('stop', { id, wait: '30s' })).body).toMatchObject({ state: 'Stopped', wanted: 'stopped' });
    await ask('start', { id });
    expect((await ask('wait', { id, state: 'Running', timeout: '30s' })).body).toMatchObject({ timed_out: false });
    const { run } = (await ask('get', { id })).body;
    expect((await ask('restart', { id, wait: '30s' })).body).toMatchObject({ state: 'Running', run: run + 1 });
    await ask('logs', { id });
    await ask('timeline', { id });
    expect((await ask('delete', { id, wait: '30s' })).header('Statevisor-Outcome')).toBe('reached');
    expect(await send('get', { id })).toMatchObject({ status: 404, body: { code: 'not_found' } });
    const { records } = (await ask('history', { id, limit: 200 })).body;
    const commands = records.map(({ event }: { event: { type: string } }) => event.type);
    for (const command of ['create', 'update', 'hold', 'standby', 'restore', 'stop', 'start', 'restart', 'delete']) {
      expect(commands).toContain(command);
    }
    expect(records.every(({ cause }: { cause: { via: string } }) => ['nats', 'system'].includes(cause.via))).toBe(true);
    await expectInStream(records.map((record: { id: string }) => record.id));
  });

  test('what is refused has its code, names the field, and changes nothing', async () => {
    await ask('create', { name: 'db', image: 'demo', start: false, wait: '30s' });
    const before = (await ask('get', { id: 'db' })).body.version;
    const refused = async (verb: string, input: object, how?: How): Promise<[number, string, string?]> => {
      const { status, body, header } = await send(verb, input, how);
      expect(header('Nats-Service-Error-Code')).toBe(String(status));
      return body.field === undefined ? [status, body.code] : [status, body.code, body.field];
    };
    expect(await refused('get', { id: 'nobody' })).toEqual([404, 'not_found']);
    expect(await refused('create', { name: 'db', image: 'demo' })).toEqual([400, 'name_conflict', 'name']);
    expect(await refused('create', { name: 'x', image: 'demo', vcpus: 0 })).toEqual([400, 'invalid_request', 'vcpus']);
    expect(await refused('update', { id: 'db', colour: 'red' })).toEqual([400, 'invalid_request', 'colour']);
    expect(await refused('standby', { id: 'db' })).toEqual([409, 'invalid_state']);
    expect(await refused('explode', { id: 'db' })).toEqual([404, 'unknown_verb']);
    expect(await refused('stop', { id: 'db' }, { token: null })).toEqual([401, 'unauthorized']);
    expect(await refused('stop', { id: 'db' }, { token: 'guessed' })).toEqual([401, 'unauthorized']);
    expect((await ask('get', { id: 'db' })).body.version).toBe(before);
  });

  test('a command repeated under its id is answered from the record of the first one; another payload is refused', async () => {
    const input = { name: 'once', image: 'demo', start: false };
    const first = await ask('create', input, { id: 'create-once' });
    const again = await ask('create', input, { id: 'create-once' });
    expect([again.body.id, again.header('Statevisor-Position')]).toEqual([
      first.body.id,
      first.header('Statevisor-Position'),
    ]);
    const other = await send('create', { ...input, name: 'twice' }, { id: 'create-once' });
    expect(other).toMatchObject({ status: 409, body: { code: 'idempotency_mismatch' } });
    expect((await send('get', { id: 'twice' })).status).toBe(404);
  });

  test('the host tells that it is connected, and that every record has gone out', async () => {
    const host = await until(
      async () => (await send('status', {}, { group: hostGroup })).body,
      ({ outbox }) => outbox.lag.records === 0,
      LIMIT_MS,
    );
    expect(host.nats).toMatchObject({ mode: 'private', state: 'connected', jetstream: true });
    expect(host.outbox).toMatchObject({ mode: 'jetstream', last_error: null });
    expect(JSON.stringify(host)).not.toContain(token);
    expect(host.webhooks).toEqual([]);
  });
});

/** The stream of records, asked by its own protocol, holds these in this order, each once. */
async function expectInStream(ids: readonly string[]): Promise<void> {
  const { stream } = (await send('status', {}, { group: hostGroup })).body.outbox;
  const jetstream = async <T>(question: string, input: object): Promise<T> => {
    const subject = `$JS.API.STREAM.${question}.${stream}`;
    return (await client.request(subject, JSON.stringify(input), { timeout: LIMIT_MS })).json();
  };
  const found: string[] = [];
  let next = 1;
  await until(
    async () => {
      const { state } = await jetstream<{ state: { last_seq: number } }>('INFO', {});
      for (; next <= state.last_seq; next++) {
        const { message } = await jetstream<{ message: { data: string } }>('MSG.GET', { seq: next });
        const record = JSON.parse(Buffer.from(message.data, 'base64').toString('utf8')) as { id: string };
        if (ids.includes(record.id)) found.push(record.id);
      }
      return found.length;
    },
    (count) => count >= ids.length,
    LIMIT_MS,
  );
  expect(found).toEqual(ids);
}
