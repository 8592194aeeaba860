import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { projectDir, writtenFiles } from '../architecture/project-files.ts';
import { until } from '../cli/daemon-process.ts';

/**
 * A long check: the project as somebody clones it, without a single npm package, and `npm start` without a terminal. It
 * installs what is missing and ends with the instance `hello` running on QEMU; a stop of the daemon leaves the VM alone.
 */

const START_LIMIT_MS = 210_000;
const END_LIMIT_MS = 30_000;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The machine's own environment: nothing of this checkout's is found by accident. */
function environment(): NodeJS.ProcessEnv {
  const ours = join(projectDir, 'node_modules', '.bin');
  const path = (process.env.PATH ?? '').split(delimiter).filter((entry) => entry !== ours);
  const inherited = Object.entries(process.env).filter(([name]) => !/^(STATEVISOR_|NATS_URL$|npm_)/.test(name));
  return { ...Object.fromEntries(inherited), PATH: path.join(delimiter) };
}

function clone(): string {
  const directory = mkdtempSync(join(tmpdir(), 'statevisor-clone-'));
  for (const path of [...writtenFiles(), 'package-lock.json']) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    cpSync(join(projectDir, path), join(directory, path));
  }
  return directory;
}

interface Running {
  readonly printed: () => string;
  readonly ended: Promise<number | null>;
  readonly child: ChildProcess;
}

function start(directory: string, program: string, args: readonly string[]): Running {
  const child = spawn(program, args, { cwd: directory, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  return { printed: () => text, ended: new Promise((resolve) => child.once('close', resolve)), child };
}

async function cli(directory: string, ...args: string[]): Promise<string> {
  const ran = start(directory, 'npx', ['statevisor', ...args]);
  assert.equal(await ran.ended, 0, ran.printed());
  return ran.printed();
}

const directory = clone();
const daemon = start(directory, 'npm', ['start', '--', '--listen', '127.0.0.1:0']);
try {
  const seen = await until(
    () => ({ text: daemon.printed(), status: daemon.child.exitCode }),
    ({ text, status }) => text.includes('Ctrl-C stops this daemon') || status !== null,
    START_LIMIT_MS,
  );
  say(seen.text);
  assert.match(seen.text, /npm packages?, into node_modules: nothing is installed yet\./);
  assert.match(seen.text, /Hypervisor: qemu\b/);
  assert.match(seen.text, /^hello is Running after \d+\.\d s\.$/m);
  const url = /^ {2}(http:\/\/127\.0\.0\.1:\d+\/)$/m.exec(seen.text)?.[1];
  assert.match(await (await fetch(`${url}health`)).text(), /ok/);
  assert.match(await cli(directory, 'ps'), /^hello +Running +running/m);
  assert.match(await cli(directory, 'rm', 'hello'), /hello removed/);
  const { pid } = JSON.parse(readFileSync(join(directory, '.statevisor', 'endpoints.json'), 'utf8')) as { pid: number };
  process.kill(pid, 'SIGINT');
  await until(
    () => daemon.child.exitCode,
    (status) => status === 0,
    END_LIMIT_MS,
  );
  say('A fresh clone came to a running VM, and ended in order.');
} finally {
  // After a failure there may be a VM that nobody else would end.
  if (daemon.child.exitCode === null) await cli(directory, 'rm', 'hello').catch(() => {});
  daemon.child.kill('SIGTERM');
  rmSync(directory, { recursive: true, force: true });
}
