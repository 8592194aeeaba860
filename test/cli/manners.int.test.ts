/**
 * Goal: the daemon logs what happens and no secret, hears signals, ends in order, and says what is wrong with its call.
 * Method: real daemons on the simulator, watched from outside.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { controlSimulator } from '../../src/adapters/simulator/control.ts';
import { worldProgram } from '../../src/cli/simulator-world.ts';
import { type DaemonProcess, until, type Workplace, workplace } from './daemon-process.ts';

const LIMIT_MS = 20_000;
const WEBHOOK_SECRET = 'planted-as-the-secret-of-a-webhook';
const SIMULATOR = ['--no-hello', '--hypervisor', 'simulator'] as const;

async function remove(place: Workplace): Promise<void> {
  const control = controlSimulator({ world: { directory: place.data, program: worldProgram }, clock: systemClock() });
  await control.shutdownWorld().catch(() => {});
  await control.close();
  place.remove();
}

/** Lines of the daemon's log: JSON among what it says to people. */
function logged(daemon: DaemonProcess): Record<string, unknown>[] {
  const lines = daemon.printed().split('\n');
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a daemon that logs everything', () => {
  let place: Workplace;
  let daemon: DaemonProcess;
  let url = '';
  let authorization = '';
  const configure = (text: string): void => writeFileSync(join(place.data, 'config.yaml'), text);
  const ask = (id: string, headers: Record<string, string> = { authorization }, path = '/v1/instances') =>
    fetch(`${url}${path}`, { headers: { ...headers, 'x-request-id': id } });
  const answered = async (id: string): Promise<Record<string, unknown>> => {
    const seen = await until(
      () => logged(daemon).find(({ correlation }) => correlation === id),
      (line) => line !== undefined,
      LIMIT_MS,
    );
    return seen!;
  };

  beforeAll(async () => {
    place = workplace();
    mkdirSync(join(place.data, 'secrets'), { mode: 0o700 });
    writeFileSync(join(place.data, 'secrets', 'webhook'), WEBHOOK_SECRET, { mode: 0o600 });
    configure('log_level: trace\nwebhooks: http://127.0.0.1:9/\n');
    daemon = await place.serve(...SIMULATOR);
    const endpoints = JSON.parse(readFileSync(join(place.data, 'endpoints.json'), 'utf8')) as { http: string };
    url = endpoints.http;
    authorization = `Bearer ${readFileSync(join(place.data, 'token'), 'utf8').trim()}`;
  });
  afterAll(async () => {
    await daemon.end('SIGTERM');
    await remove(place);
  });

  test('tells which file it was configured by', async () => {
    await until(
      () => daemon.printed(),
      (text) => text.includes('is ready'),
      LIMIT_MS,
    );
    expect(daemon.printed()).toContain(`Configuration: ${join(place.data, 'config.yaml')}\n`);
  });

  test('logs every request with its correlation id, also those it refuses', async () => {
    await ask('r-good');
    await ask('r-bad', { authorization: 'Bearer planted-in-a-request' });
    await ask('r-one', { authorization }, '/v1/instances/web');
    expect(await answered('r-good')).toMatchObject({ via: 'http', path: '/v1/instances', status: 200, level: 20 });
    expect(await answered('r-bad')).toMatchObject({ status: 401 });
    expect(await answered('r-one')).toMatchObject({ instance: 'web', status: 404 });
  });

  test('logs no secret', async () => {
    const { nats } = JSON.parse(readFileSync(join(place.data, 'endpoints.json'), 'utf8')) as { nats: string };
    await ask('r-last');
    await answered('r-last');
    const planted = ['planted-in-a-request', WEBHOOK_SECRET];
    for (const secret of [authorization.slice('Bearer '.length), new URL(nats).password, ...planted]) {
      expect(secret.length).toBeGreaterThan(10);
      expect(daemon.printed()).not.toContain(secret);
    }
  });

  test('takes over the level of logging on SIGHUP, and keeps it when the file has a mistake', async () => {
    const said = (text: string) =>
      until(
        () => daemon.printed(),
        (printed) => printed.includes(text),
        LIMIT_MS,
      );
    configure('log_level: loud\n');
    process.kill(daemon.pid, 'SIGHUP');
    await said('is not in order; nothing changes');
    await ask('r-still-logged');
    await answered('r-still-logged');
    configure('log_level: info\n');
    process.kill(daemon.pid, 'SIGHUP');
    await said('The configuration was read again; only');
    await ask('r-not-logged');
    expect(daemon.printed()).not.toContain('r-not-logged');
  });

  test('is found in order by the doctor, which leaves it alone', async () => {
    const { status, stdout } = await place.cli('doctor', '--hypervisor', 'simulator', '--json');
    const { findings } = JSON.parse(stdout) as { findings: { check: string; verdict: string; found: string }[] };
    expect(findings.filter(({ verdict }) => verdict === 'problem')).toEqual([]);
    expect(status).toBe(0);
    const about = findings.find(({ check }) => check === 'daemon');
    expect(about?.found).toContain(`pid ${daemon.pid} answers at ${url}`);
    expect((await ask('r-after-doctor')).status).toBe(200);
  });

  test('answers who waits, and ends with 0, when it is told to end', async () => {
    expect((await place.cli('run', 'web', '--detach')).status).toBe(0);
    const waiting = ask('r-waits', { authorization }, '/v1/instances/web/wait?state=Standby&timeout=5m');
    expect((await ask('r-before')).status).toBe(200);
    const ended = daemon.end('SIGTERM');
    expect((await waiting).status).toBe(200);
    expect(await ended).toBe(0);
    expect(daemon.printed()).toContain('Stopping; these run on, 1 VM: web.\n');
    daemon = await place.serve(...SIMULATOR);
  });

  test('a directory that was moved while no daemon ran is served where it lies now', async () => {
    expect((await place.cli('stop', 'web')).status).toBe(0);
    await daemon.end('SIGTERM');
    await remove({ ...place, remove: () => {} });
    const moved = workplace();
    rmSync(moved.data, { recursive: true });
    renameSync(place.data, moved.data);
    place = moved;
    daemon = await place.serve(...SIMULATOR);
    expect(await place.get('web')).toMatchObject({ state: 'Stopped', wanted: 'stopped' });
    expect((await place.cli('start', 'web')).status).toBe(0);
  });
});

test('a first start that is killed as soon as `hello` is recorded leaves one, and the next start makes no other', async () => {
  const place = workplace();
  let daemon = await place.serve('--hypervisor', 'simulator');
  try {
    await until(
      () => daemon.printed(),
      (text) => text.includes('hello is booting'),
      LIMIT_MS,
    );
    const { id } = await place.get('hello');
    await daemon.end('SIGKILL');
    daemon = await place.serve('--hypervisor', 'simulator');
    await until(
      () => daemon.printed(),
      (text) => text.includes('Ctrl-C stops this daemon'),
      LIMIT_MS,
    );
    const views = JSON.parse((await place.cli('ps', '--json')).stdout) as { id: string; name: string }[];
    expect(views.map((view) => `${view.name} ${view.id}`)).toEqual([`hello ${id}`]);
    expect(daemon.printed()).not.toContain('hello is booting');
  } finally {
    await daemon.end('SIGTERM');
    await remove(place);
  }
});

describe('a call that is wrong', () => {
  let place: Workplace;
  beforeAll(() => {
    place = workplace();
  });
  afterAll(() => place.remove());

  test('a mistake in the configuration: every line of it, and exit status 2', async () => {
    const file = join(place.data, 'wrong.yaml');
    writeFileSync(file, 'lisen: 1\nlog_level: loud\n');
    const { status, stderr } = await place.cli('serve', '--config', file);
    expect(status).toBe(2);
    expect(stderr.split('\n')).toEqual([
      `statevisor: ${file}:1:1: lisen: there is no such key; did you mean listen?`,
      `statevisor: ${file}:2:12: log_level: expected trace, debug, info, warn, error, fatal or silent`,
      '',
    ]);
    expect((await place.cli('config', 'check', file)).stderr).toBe(stderr);
  });

  test('a directory that cannot be used: its code, what to do, and exit status 1', async () => {
    const data = join(place.data, 'newer');
    mkdirSync(data);
    writeFileSync(join(data, 'version'), '99\n');
    const { status, stderr } = await place.cli('serve', '--data', data);
    expect(status).toBe(1);
    expect(stderr).toContain('statevisor: data_directory_from_newer_version: ');
    expect(stderr).toContain('Use the newer program.');
  });

  test('the doctor tells the same mistakes, looks at the rest, and ends with 1', async () => {
    const file = join(place.data, 'wrong.yaml');
    const { status, stdout } = await place.cli('doctor', '--config', file);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^problem +configuration +.*wrong\.yaml:1:1: lisen: there is no such key/m);
    expect(stdout).toMatch(/^ok +program/m);
    expect(stdout).toMatch(/^\d problems, \d+ warnings?$/m);
  });

  test('a daemon that was killed is not waited for: the command line says that it has ended', async () => {
    const endpoints = {
      pid: 2 ** 22 + 1,
      http: 'http://127.0.0.1:1',
      nats: null,
      token_file: join(place.data, 'token'),
    };
    writeFileSync(join(place.data, 'endpoints.json'), JSON.stringify(endpoints));
    const { status, stderr } = await place.cli('ps');
    expect(status).toBe(1);
    expect(stderr).toContain(`no_daemon: The daemon (pid ${endpoints.pid}) has ended without saying so.`);
  });
});
