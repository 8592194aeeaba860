import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { endNats, findNatsProcess } from '../../src/cli/daemon/nats-process.ts';
import { type DoorAndToken, endWorld } from '../crash/daemon-process.ts';
import { getView, must, type ShownView } from '../crash/door.ts';
import { type DaemonProcess, until, type Workplace, workplace } from './daemon-process.ts';

/** Two daemons on one log on JetStream: one decides, whatever becomes of the other. */

const FLAGS = ['--hypervisor', 'simulator', '--log', 'jetstream', '--no-hello'];
const LIMIT_MS = 60_000;

let place: Workplace;
let other: Workplace;
let daemons: DaemonProcess[];
beforeEach(() => {
  place = workplace();
  other = workplace();
  daemons = [];
});
afterEach(async () => {
  for (const daemon of daemons) if (existsSync(`/proc/${daemon.pid}`)) await daemon.end('SIGKILL');
  // It outlives a daemon that was killed.
  const server = findNatsProcess(join(place.data, 'nats'));
  if (server !== null) await endNats(server, systemClock());
  for (const { data, remove } of [place, other]) {
    await endWorld(data);
    remove();
  }
});

async function serve(at = place, ...flags: string[]): Promise<DaemonProcess> {
  const daemon = await at.serve(...FLAGS, ...flags);
  daemons.push(daemon);
  return daemon;
}

function endpoints(at = place): { readonly pid: number; readonly http: string; readonly nats: string } {
  return JSON.parse(readFileSync(join(at.data, 'endpoints.json'), 'utf8')) as {
    pid: number;
    http: string;
    nats: string;
  };
}

function door(at = place): DoorAndToken {
  return { url: endpoints(at).http, token: readFileSync(join(at.data, 'token'), 'utf8').trim() };
}

/** The nats-server was started once more, and the log is reached there. That it was gone may pass between two looks. */
function isBack(host: unknown): boolean {
  const { log, nats } = host as { log: { reachable: boolean }; nats: { state: string; server: { restarts: number } } };
  return nats.server.restarts === 1 && nats.state === 'connected' && log.reachable;
}

async function create(): Promise<ShownView> {
  const body = { name: 'web', image: 'demo', wait: '20s' };
  return (await must(door(), 'POST', '/v1/instances', { body })).body as ShownView;
}

async function tell(id: string, verb: string, at = place): Promise<ShownView> {
  const path = `/v1/instances/${id}/${verb}`;
  return (await must(door(at), 'POST', path, { body: { wait: '20s' } })).body as ShownView;
}

test('a start that is interrupted leaves no private nats-server behind', async () => {
  const program = join(import.meta.dirname, '../../src/cli/main.ts');
  const flags = ['serve', '--data', place.data, '--listen', '127.0.0.1:0', ...FLAGS];
  const env = { ...process.env, NATS_URL: undefined };
  const child = spawn(process.execPath, [program, ...flags], { env, stdio: 'ignore' });
  const ended = once(child, 'exit');
  const identity = join(place.data, 'nats', 'server.identity');
  await until(() => existsSync(identity), Boolean, LIMIT_MS);
  const { pid } = JSON.parse(readFileSync(identity, 'utf8')) as { pid: number };
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
  // Dead when the daemon ends; its entry goes once somebody has reaped it.
  await until(
    () => existsSync(`/proc/${pid}`),
    (exists) => !exists,
    LIMIT_MS,
  );
});

describe('a second daemon on a log on JetStream', () => {
  test('is refused by name while the first lives, and goes on with its instances when it was killed', async () => {
    const first = await serve();
    const { id } = await create();
    const refused = await other.cli('serve', '--listen', '127.0.0.1:0', ...FLAGS, '--nats', endpoints().nats);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(new RegExp(`log_in_use: .* process ${first.pid} on host `));
    expect(endpoints().pid).toBe(first.pid);
    expect(await tell(id, 'restart')).toMatchObject({ state: 'Running', run: 2 });

    // Its private nats-server, and with it the log, goes and comes back: the daemon goes on.
    process.kill(findNatsProcess(join(place.data, 'nats'))!.identity.pid, 'SIGKILL');
    await until(async () => (await must(door(), 'GET', '/v1/host')).body, isBack, LIMIT_MS);
    expect(await tell(id, 'restart')).toMatchObject({ state: 'Running', run: 3 });

    await first.end('SIGKILL');
    const second = await serve();
    expect(endpoints().pid).toBe(second.pid);
    expect(await getView(door(), id)).toMatchObject({ state: 'Running', run: 3 });
    expect(await tell(id, 'stop')).toMatchObject({ state: 'Stopped' });
  });

  test('takes over from a first one that stands still, which then appends nothing, says so and ends', async () => {
    const first = await serve();
    const { id } = await create();
    process.kill(first.pid, 'SIGSTOP');
    const second = await serve(other, '--nats', endpoints().nats);
    const stopped = await tell(id, 'stop', other);

    expect(await first.end('SIGCONT')).toBe(1);
    expect(first.printed()).toContain(`not_owner: the log was taken over by process ${second.pid}`);
    expect(await getView(door(other), id)).toMatchObject({ state: 'Stopped', version: stopped.version });
    expect(await tell(id, 'start', other)).toMatchObject({ state: 'Running', run: stopped.run + 1 });
  });
});
