import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/actors/clock.ts';
import type { Endpoints } from '../../src/cli/data-directory.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { endProcessesOf, temporaryDirectory } from '../left-processes.ts';

/** A real daemon in a process of its own, and its command line, for tests. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'src/cli/main.ts');
const READY_LIMIT_MS = 60_000;
const END_LIMIT_MS = 20_000;
const LOOK_MS = 50;
const clock = systemClock();

export interface DaemonProcess {
  readonly pid: number;
  /** Everything it printed so far. */
  printed(): string;
  /** Sends a signal and waits for its end; answers the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Workplace {
  readonly data: string;
  serve(...flags: string[]): Promise<DaemonProcess>;
  cli(...args: string[]): Promise<Ran>;
  get(instance: string): Promise<InstanceView>;
  /** Removes the directory. Whoever is left there is ended: a VM that a failed test did not stop, and its daemon. */
  remove(): void;
}

/** `before` is put before every command: it runs them in a namespace, say. */
export function workplace(before: readonly string[] = []): Workplace {
  const data = temporaryDirectory('statevisor-cli-');
  const cli = (...args: string[]): Promise<Ran> => run([...before, process.execPath, MAIN, ...args], data);
  return {
    data,
    serve: (...flags) => serve(data, flags, before),
    cli,
    get: async (instance) => {
      if (before.length === 0) return view(data, instance);
      const { status, stdout, stderr } = await cli('get', instance, '--json');
      if (status !== 0) throw new Error(stderr);
      return JSON.parse(stdout) as InstanceView;
    },
    remove: () => {
      endProcessesOf(data);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** Looks again and again, at most so long; throws with what was last seen. */
export async function until<T>(look: () => Promise<T> | T, good: (seen: T) => boolean, limitMs: number): Promise<T> {
  const end = clock.monotonic() + limitMs;
  for (;;) {
    const seen = await look();
    if (good(seen)) return seen;
    if (clock.monotonic() > end) throw new Error(`Not within ${limitMs} ms; last seen: ${JSON.stringify(seen)}`);
    await clock.sleep(LOOK_MS);
  }
}

/** Asks the daemon itself: a command line for each look would take the processor that a guest boots on. */
async function view(data: string, instance: string): Promise<InstanceView> {
  const { http, token_file } = JSON.parse(readFileSync(join(data, 'endpoints.json'), 'utf8')) as Endpoints;
  const headers = { authorization: `Bearer ${readFileSync(token_file, 'utf8').trim()}` };
  const response = await fetch(`${http}/v1/instances/${instance}`, { headers });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as InstanceView;
}

function run([program = '', ...args]: readonly string[], data: string): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, STATEVISOR_DATA: data, NO_COLOR: '1' } });
    const [stdout, stderr]: [string[], string[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk.toString()));
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, stdout: stdout.join(''), stderr: stderr.join('') }));
  });
}

async function serve(data: string, flags: readonly string[], before: readonly string[]): Promise<DaemonProcess> {
  rmSync(join(data, 'endpoints.json'), { force: true });
  const start = join(ROOT, 'bin/start.js');
  const own = [process.execPath, start, '--data', data, '--listen', '127.0.0.1:0', '--yes'];
  const [program = '', ...args] = [...before, ...own, ...flags];
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NATS_URL: undefined },
  });
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => printed.push(chunk.toString()));
  }
  const ended = new Promise<number | null>((resolve) => child.once('exit', (status) => resolve(status)));
  const ready = (): boolean => existsSync(join(data, 'endpoints.json')) || child.exitCode !== null;
  await until(ready, Boolean, READY_LIMIT_MS);
  if (child.exitCode !== null) throw new Error(`The daemon ended with ${child.exitCode}: ${printed.join('')}`);
  const { pid } = JSON.parse(readFileSync(join(data, 'endpoints.json'), 'utf8')) as { pid: number };
  return { pid, printed: () => printed.join(''), end: (signal) => endProcess(child, pid, signal, ended) };
}

async function endProcess(
  child: ChildProcess,
  pid: number,
  signal: NodeJS.Signals,
  ended: Promise<number | null>,
): Promise<number | null> {
  process.kill(pid, signal);
  const giveUp = new AbortController();
  const late = clock.sleep(END_LIMIT_MS, giveUp.signal).then((elapsed) => {
    if (elapsed) throw new Error(`Process ${pid} did not end after ${signal}.`);
    return null;
  });
  return Promise.race([ended, late]).finally(() => {
    giveUp.abort();
    child.kill('SIGKILL');
  });
}
