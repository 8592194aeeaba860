/**
 * Goal: what a person at a terminal and what systemd sees of a daemon's life. Method: the real entry point on a pseudo
 * terminal, and on a socket such as systemd listens on; the daemon runs on the simulator.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { controlSimulator } from '../../src/adapters/simulator/control.ts';
import { isServed } from '../../src/cli/data-directory.ts';
import { worldProgram } from '../../src/cli/simulator-world.ts';
import { projectDir } from '../architecture/project-files.ts';
import { listenAt, type NotifyListener } from './daemon/notify-listener.ts';
import { until } from './daemon-process.ts';

const LIMIT_MS = 40_000;
const CTRL_C = '\u0003';

let data: string;
let child: ChildProcess | null = null;
let listener: NotifyListener | null = null;
let printed = '';

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'statevisor-terminal-'));
  printed = '';
});
afterEach(async () => {
  child?.kill('SIGKILL');
  listener?.close();
  listener = null;
  const control = controlSimulator({ world: { directory: data, program: worldProgram }, clock: systemClock() });
  await control.shutdownWorld().catch(() => {});
  await control.close();
  rmSync(data, { recursive: true, force: true });
});

function start(program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<number | null> {
  // `script` runs what it is given in whatever shell it finds here.
  const env = { ...process.env, SHELL: '/bin/sh', NATS_URL: undefined, ...more };
  const started = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child = started;
  for (const stream of [started.stdout, started.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
  }
  return new Promise((resolve) => started.once('close', resolve));
}

const seen = (text: string): Promise<string> =>
  until(
    () => printed,
    (soFar) => soFar.includes(text),
    LIMIT_MS,
  );

const flags = (): string[] => ['--data', data, '--listen', '127.0.0.1:0', '--hypervisor', 'simulator'];

// `exec`: a shell that stays in between dies of Ctrl-C itself, and its end would be taken for the daemon's.
test('a start follows the boot in one line that changes; Ctrl-C ends the daemon alone and says what runs on', async () => {
  const command = ['exec', process.execPath, join(projectDir, 'bin', 'start.js'), ...flags(), '--nats', 'off'].join(
    ' ',
  );
  const ended = start('script', ['--quiet', '--return', '--command', command, '/dev/null']);
  await seen('Ctrl-C stops this daemon');
  expect(printed).toContain('\r\u001b[2Khello: booting, 0 s');
  expect(printed).toContain('hello is simulated: nobody answers on its ports.');
  child?.stdin?.write(CTRL_C);
  expect(await ended).toBe(0);
  expect(printed).toContain('Stopping; these run on, 1 VM: hello.');
  expect(existsSync(join(data, 'endpoints.json'))).toBe(false);
});

test('the terminal that goes away ends the daemon in order', async () => {
  const command = [process.execPath, join(projectDir, 'bin', 'start.js'), ...flags(), '--nats', 'off', '--no-hello'];
  const ended = start('script', ['--quiet', '--command', command.join(' '), '/dev/null']);
  await seen('is ready');
  const { pid } = JSON.parse(readFileSync(join(data, 'endpoints.json'), 'utf8')) as { pid: number };
  child?.kill('SIGKILL');
  await ended;
  const endpoints = { pid, http: '', nats: null, token_file: '' };
  await until(
    () => isServed(endpoints),
    (runs) => !runs,
    LIMIT_MS,
  );
  expect(existsSync(join(data, 'endpoints.json'))).toBe(false);
});

test('on a machine with no hypervisor, no message server and no apt it serves all the same, and says what that means', async () => {
  const args = [join(projectDir, 'bin', 'start.js'), '--data', data, '--listen', '127.0.0.1:0'];
  const ended = start(process.execPath, args, { PATH: join(data, 'nothing-here') });
  await seen('Ctrl-C stops this daemon');
  expect(printed).toMatch(/^statevisor: This machine has no apt-get\..*\bqemu-system-x86\b/m);
  expect(printed).toMatch(/^Hypervisor: simulator \(no qemu-system-x86_64 found: no VM is real\)\./m);
  expect(printed).toMatch(/^hello is Running after /m);
  const { pid } = JSON.parse(readFileSync(join(data, 'endpoints.json'), 'utf8')) as { pid: number };
  process.kill(pid, 'SIGTERM');
  expect(await ended).toBe(0);
});

test('systemd hears when it is ready and when it ends, and nothing that it starts can speak for it', async () => {
  const socket = join(data, 'socket');
  listener = await listenAt(socket);
  const { heard } = listener;
  const main = join(projectDir, 'src', 'cli', 'main.ts');
  const ended = start(process.execPath, [main, 'serve', ...flags()], {
    NOTIFY_SOCKET: socket,
    WATCHDOG_USEC: '900000',
  });
  await until(heard, (lines) => lines.includes('WATCHDOG=1'), LIMIT_MS);
  expect(heard()[0]).toMatch(/^READY=1 STATUS=Ready on http:\/\/127\.0\.0\.1:\d+$/);
  const { pid } = JSON.parse(readFileSync(join(data, 'nats', 'server.identity'), 'utf8')) as { pid: number };
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('NOTIFY_SOCKET');
  child?.kill('SIGTERM');
  expect(await ended).toBe(0);
  // What was sent before the end is still on its way to whoever listens.
  await until(heard, (lines) => lines.includes('STOPPING=1 STATUS=Stopping; 0 VMs run on'), LIMIT_MS);
});
