/**
 * Goal: nobody at a terminal gets anything installed that they did not agree to. Method: the real entry point in a copy
 * of the project without packages, on a real pseudo terminal; npm, apt-get and dpkg-query are stand-ins that note calls.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { projectDir } from '../architecture/project-files.ts';
import { until } from '../cli/daemon-process.ts';

const ANSWER_LIMIT_MS = 30_000;
const PACKAGES = { 'node_modules/one': { version: '1.0.0' }, 'node_modules/two': { version: '2.0.0' } };

let dir: string;
let child: ChildProcess | null = null;
let printed = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statevisor-first-start-'));
  cpSync(join(projectDir, 'bin'), join(dir, 'bin'), { recursive: true });
  mkdirSync(join(dir, 'src', 'cli'), { recursive: true });
  mkdirSync(join(dir, 'tools'));
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(dir, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...PACKAGES } }));
  writeFileSync(join(dir, 'src', 'cli', 'main.ts'), `console.log('served with', process.argv.slice(2).join(' '));`);
  standIn('npm', [
    'mkdir -p node_modules/one node_modules/two',
    'cp package-lock.json node_modules/.package-lock.json',
  ]);
  standIn('apt-get');
  standIn('dpkg-query');
});

afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

/** A program that notes its call, besides what these lines of shell do. */
function standIn(name: string, lines: readonly string[] = []): void {
  const path = join(dir, 'tools', name);
  writeFileSync(path, ['#!/bin/sh', `echo "${name} $1" >> "${dir}/calls"`, ...lines, ''].join('\n'));
  chmodSync(path, 0o755);
}

/** dpkg-query that finds every package it is asked for installed. */
function everyDebianPackageIsThere(): void {
  standIn('dpkg-query', ['for name in "$@"; do echo "installed $name"; done']);
}

function calls(): string[] {
  const file = join(dir, 'calls');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

interface Ended {
  readonly code: Promise<number | null>;
}

function start(program: string, args: readonly string[]): Ended {
  printed = '';
  // `script` runs what it is given in whatever shell it finds here.
  const env = { ...process.env, SHELL: '/bin/sh', PATH: `${join(dir, 'tools')}${delimiter}${process.env.PATH}` };
  const started = spawn(program, args, { cwd: dir, env, stdio: ['pipe', 'pipe', 'pipe'] });
  child = started;
  for (const stream of [started.stdout, started.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      printed += chunk.toString().replaceAll('\r', '');
    });
  }
  return { code: new Promise((resolve) => started.once('close', (status) => resolve(status))) };
}

const command = (...flags: string[]): string[] => [process.execPath, join(dir, 'bin', 'start.js'), ...flags];

/** On a pseudo terminal, whose keyboard is the child's standard input. */
function startOnTerminal(...flags: string[]): Ended {
  return start('script', ['--quiet', '--return', '--command', command(...flags).join(' '), '/dev/null']);
}

async function answer(text: string): Promise<void> {
  await until(
    () => printed,
    (seen) => seen.includes('Go on? [y/N]'),
    ANSWER_LIMIT_MS,
  );
  child?.stdin?.write(text);
}

test('on a terminal it shows what it would install and why, and after a yes installs and serves', async () => {
  everyDebianPackageIsThere();
  const { code } = startOnTerminal('--listen', '127.0.0.1:0');
  await answer('y\n');
  expect(await code).toBe(0);
  expect(printed).toContain('  2 npm packages, into node_modules: nothing is installed yet.\n');
  expect(printed).toContain('served with serve --hello --listen 127.0.0.1:0\n');
  expect(calls()).toContain('npm install');
});

test.for([['n\n'], ['\n'], ['\u0004']])('after %j nothing is installed and nothing is served', async ([keys]) => {
  const { code } = startOnTerminal();
  await answer(keys!);
  expect(await code).toBe(1);
  expect(printed).toContain('Nothing was installed.');
  expect(printed).not.toContain('served');
  expect(calls().filter((call) => /^npm|^apt-get (?!--version)/.test(call))).toEqual([]);
});

test('with --yes nothing is asked on a terminal', async () => {
  everyDebianPackageIsThere();
  const { code } = startOnTerminal('--yes');
  expect(await code).toBe(0);
  expect(printed).not.toContain('Go on?');
  expect(printed).toContain('served with serve --hello --yes\n');
});

test.for([
  ['y\n', 0],
  ['n\n', 1],
] as const)('with standard error in a file it asks on the terminal all the same: %j', async ([keys, code]) => {
  everyDebianPackageIsThere();
  const ended = startOnTerminal('2>', join(dir, 'errors'));
  await answer(keys);
  expect(await ended.code).toBe(code);
  expect(printed).toContain('2 npm packages');
  expect(printed.includes('served with')).toBe(code === 0);
  expect(calls().includes('npm install')).toBe(code === 0);
});

test('without a terminal nothing is asked, and what is installed is shown all the same', async () => {
  everyDebianPackageIsThere();
  const [program, ...args] = command();
  const { code } = start(program!, args);
  expect(await code).toBe(0);
  expect(printed).toContain('2 npm packages');
  expect(printed).toContain('served with serve --hello\n');
});

test('when everything is there, nothing is shown and nothing asked', async () => {
  everyDebianPackageIsThere();
  const first = start(command()[0]!, command('--yes').slice(1));
  await first.code;
  const { code } = startOnTerminal();
  expect(await code).toBe(0);
  expect(printed).toBe('served with serve --hello\n');
});
