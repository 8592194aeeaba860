import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SimulatorControl } from '../../src/adapters/simulator/control.ts';
import { type JetstreamServer, startJetstreamServer } from '../adapters/log-jetstream/jetstream-server.ts';
import { type DoorAndToken, endWorld } from '../crash/daemon-process.ts';
import { ask, getView, must } from '../crash/door.ts';
import { controlWorldOf } from '../crash/simulated-load.ts';
import { type DaemonProcess, until, type Workplace, workplace } from './daemon-process.ts';

/**
 * Goal: while the log cannot be reached VMs run on, nothing automatic happens, commands are refused and reads go on; when
 * it is back, what happened meanwhile is taken up, once. Method: a daemon whose log is on a server that stands still, and
 * then on one that is killed.
 */

const LIMIT_MS = 30_000;
const POLICY = { policy: 'always', backoff: '100ms', max_attempts: 0, stable_after: '1h' };

let place: Workplace;
let server: JetstreamServer;
let daemon: DaemonProcess;
let door: DoorAndToken;
let world: SimulatorControl;
beforeEach(async () => {
  place = workplace();
  server = await startJetstreamServer();
  daemon = await place.serve('--hypervisor', 'simulator', '--log', 'jetstream', '--nats', server.url, '--no-hello');
  const read = (name: string): string => readFileSync(join(place.data, name), 'utf8');
  door = { url: (JSON.parse(read('endpoints.json')) as { http: string }).http, token: read('token').trim() };
  world = controlWorldOf(place.data);
});
afterEach(async () => {
  await daemon.end('SIGKILL');
  await world.close();
  await endWorld(place.data);
  await server.remove();
  place.remove();
});

interface LogSection {
  readonly mode: string;
  readonly reachable: boolean;
  readonly since: string | null;
}

async function log(): Promise<LogSection> {
  return ((await must(door, 'GET', '/v1/host')).body as { log: LogSection }).log;
}

async function create(name: string): Promise<string> {
  const body = { name, image: 'demo', restart_policy: POLICY, wait: '20s' };
  return ((await must(door, 'POST', '/v1/instances', { body })).body as { id: string }).id;
}

async function bootsOf(id: string): Promise<number> {
  const lines = await world.journal();
  return lines.filter((line) => line.type === 'vmm.spawned' && line.instance === id).length;
}

/** What has to hold while the log is cut off, and after it is back. */
async function outage(name: string, cut: () => void | Promise<void>, mend: () => void | Promise<void>): Promise<void> {
  const [ended, running] = [await create(`${name}-ended`), await create(`${name}-running`)];
  await cut();
  const seen = await until(log, ({ mode }) => mode === 'log_unreachable', LIMIT_MS);
  expect(seen).toMatchObject({ reachable: false, since: expect.stringMatching(/^\d{4}-/) });

  await world.guestExit(ended, 1);
  for (const [method, path, body] of [
    ['POST', `/v1/instances/${running}/stop`, undefined],
    ['POST', `/v1/instances/${ended}/restart`, undefined],
    ['POST', '/v1/instances', { name: 'new', image: 'demo' }],
  ] as const) {
    const answer = await ask(door, method, path, { body });
    expect(answer).toMatchObject({ status: 503, body: { code: 'log_unavailable' } });
  }
  expect((await getView(door, running)).state).toBe('Running');
  expect(await world.countVmms(running)).toBe(1);
  expect([await world.countVmms(ended), await bootsOf(ended)]).toEqual([0, 1]);
  expect((await log()).since).toBe(seen.since);

  await mend();
  await until(log, ({ mode }) => mode === 'serving', LIMIT_MS);
  await until(
    () => getView(door, ended),
    ({ run, phase }) => run === 2 && phase === 'running',
    LIMIT_MS,
  );
  expect([await bootsOf(ended), await bootsOf(running)]).toEqual([2, 1]);
  await must(door, 'POST', `/v1/instances/${running}/stop`);
  await until(
    () => getView(door, running),
    ({ phase }) => phase === 'stopped',
    LIMIT_MS,
  );
  const { body } = await must(door, 'GET', `/v1/instances/${running}/history`);
  const stops = (body as { records: { event: { type: string } }[] }).records.filter(
    ({ event }) => event.type === 'stop',
  );
  expect(stops).toHaveLength(1);
}

describe('while the server of the log', () => {
  test('stands still, and while it is gone, nothing is decided, and afterwards everything once', async () => {
    await outage(
      'still',
      () => server.signal('SIGSTOP'),
      () => server.signal('SIGCONT'),
    );
    await outage(
      'gone',
      () => server.kill(),
      () => server.start(),
    );
  });

  test('falls silent with a command on its way, that one is told in bounded time that its outcome is not known', async () => {
    const id = await create('web');
    server.signal('SIGSTOP');
    const answer = await ask(door, 'POST', `/v1/instances/${id}/stop`, { key: 'the-stop' });
    expect(answer).toMatchObject({ status: 503, body: { code: 'log_unavailable', details: { outcome: 'unknown' } } });
    server.signal('SIGCONT');
    await until(log, ({ mode }) => mode === 'serving', LIMIT_MS);
    const again = await until(
      () => ask(door, 'POST', `/v1/instances/${id}/stop`, { key: 'the-stop' }),
      (given) => given !== null && given.status < 300,
      LIMIT_MS,
    );
    const { body } = await must(door, 'GET', `/v1/instances/${id}/history`);
    const { records } = body as { records: { event: { type: string }; version: number }[] };
    expect(records.filter(({ event }) => event.type === 'stop').map(({ version }) => version)).toEqual([
      again?.version,
    ]);
  });
});
