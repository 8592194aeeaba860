/**
 * Goal: whatever becomes of NATS and of webhooks, commands over HTTP are answered, and in the end everything has gone out.
 * Method: whole daemons on the simulator, whose nats-server is stopped and killed, and whose receiver is away.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { controlSimulator, type SimulatorControl } from '../../src/adapters/simulator/control.ts';
import type { Endpoints } from '../../src/cli/data-directory.ts';
import { worldProgram } from '../../src/cli/simulator-world.ts';
import { type Receiver, startReceiver } from '../gateway/webhook-receiver.ts';
import { type DaemonProcess, until, type Workplace, workplace } from './daemon-process.ts';

const LIMIT_MS = 60_000;
const clock = systemClock();

interface HostStatus {
  readonly nats: { readonly state: string; readonly server: { readonly pid: number; readonly restarts: number } };
  readonly outbox: { readonly lag: { readonly records: number | null }; readonly stream: string };
  readonly webhooks: readonly { readonly delivered: number; readonly attempt: number; readonly state: string }[];
}

let place: Workplace;
let control: SimulatorControl;
let daemon: DaemonProcess;
let receiver: Receiver | null;

beforeEach(() => {
  place = workplace();
  control = controlSimulator({ world: { directory: place.data, program: worldProgram }, clock });
  receiver = null;
});
afterEach(async () => {
  await daemon.end('SIGTERM');
  await control.shutdownWorld();
  await control.close();
  await receiver?.close();
  place.remove();
});

async function serve(...flags: string[]): Promise<void> {
  daemon = await place.serve('--hypervisor', 'simulator', '--no-hello', ...flags);
}

const endpoints = (): Endpoints => JSON.parse(readFileSync(join(place.data, 'endpoints.json'), 'utf8')) as Endpoints;

async function http<T>(method: string, path: string, body?: object): Promise<T> {
  const { http: address, token_file } = endpoints();
  const answer = await fetch(`${address}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${readFileSync(token_file, 'utf8').trim()}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as T;
}

const host = (): Promise<HostStatus> => http('GET', '/v1/host');

/** Ids of everything that was recorded, in the order of each instance. */
async function recorded(ids: readonly string[]): Promise<string[][]> {
  const histories = ids.map((id) =>
    http<{ records: { id: string }[] }>('GET', `/v1/instances/${id}/history?limit=200`),
  );
  return (await Promise.all(histories)).map(({ records }) => records.map(({ id }) => id));
}

/** What the stream holds, by instance. */
async function inStream(stream: string, ids: readonly string[]): Promise<string[][]> {
  const { host: servers, username: user, password: pass } = new URL(endpoints().nats!);
  const client = await connect({ servers, user, pass });
  const manager = await jetstreamManager(client);
  const { last_seq } = (await manager.streams.info(stream)).state;
  const found = new Map(ids.map((id): [string, string[]] => [id, []]));
  for (let seq = 1; seq <= last_seq; seq++) {
    const message = await manager.streams.getMessage(stream, { seq });
    const record = message!.json<{ id: string; stream: string }>();
    found.get(record.stream)?.push(record.id);
  }
  await client.close();
  return [...found.values()];
}

test('while the nats-server stands still and is killed, commands are answered; afterwards every record is in the stream', async () => {
  await serve('--nats', 'auto');
  const create = async (name: string): Promise<string> =>
    (await http<{ id: string }>('POST', '/v1/instances', { name, image: 'demo', wait: '30s' })).id;
  const ids = [await create('before')];
  const { server } = (await host()).nats;
  process.kill(server.pid, 'SIGSTOP');
  ids.push(await create('while-it-stands-still'));
  await http('POST', `/v1/instances/${ids[0]}/stop`, { wait: '30s' });
  process.kill(server.pid, 'SIGKILL');
  ids.push(await create('while-it-is-gone'));
  const { outbox } = await until(
    host,
    ({ nats, outbox: { lag } }) => nats.server.restarts === 1 && nats.state === 'connected' && lag.records === 0,
    LIMIT_MS,
  );
  await until(
    async () => ({ kept: await inStream(outbox.stream, ids), written: await recorded(ids) }),
    ({ kept, written }) => JSON.stringify(kept) === JSON.stringify(written),
    LIMIT_MS,
  );
});

test('a notice that finds nobody waits for the next daemon, which sends it once, signed with the secret in its file', async () => {
  receiver = await startReceiver(() => readFileSync(join(place.data, 'secrets', 'webhook'), 'utf8').trim());
  const flags = ['--nats', 'off', '--webhooks', receiver.url];
  await serve(...flags);
  await receiver.close();
  const restart_policy = { policy: 'always', backoff: '100ms', max_attempts: 1 };
  const web = { name: 'web', image: 'demo', restart_policy, wait: '30s' };
  const { id } = await http<{ id: string }>('POST', '/v1/instances', web);
  await control.crash(id);
  await until(() => http<{ run: number; state: string }>('GET', `/v1/instances/${id}`), isRunningAgain, LIMIT_MS);
  await control.crash(id);
  await until(host, ({ webhooks }) => webhooks[0]!.state === 'retrying', LIMIT_MS);
  await daemon.end('SIGKILL');
  await receiver.listen();
  await serve(...flags);
  await until(host, ({ webhooks }) => webhooks[0]!.delivered === 1, LIMIT_MS);
  const { records } = await http<{ records: { id: string; facts: { type: string }[] }[] }>(
    'GET',
    `/v1/instances/${id}/history`,
  );
  const blocked = records.find(({ facts }) => facts.some(({ type }) => type === 'restart.blocked'));
  expect(receiver.received.map(({ notice, isGenuine }) => ({ id: notice.id, name: notice.name, isGenuine }))).toEqual([
    { id: blocked?.id, name: 'web', isGenuine: true },
  ]);
});

function isRunningAgain({ run, state }: { readonly run: number; readonly state: string }): boolean {
  return run === 2 && state === 'Running';
}
