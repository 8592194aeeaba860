import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { until } from './cli/daemon-process.ts';
import { endProcessesOf, processesOf } from './left-processes.ts';

const PROGRAM = fileURLToPath(new URL('left-behind.process.ts', import.meta.url));
const LIMIT_MS = 20_000;
/** The kernel's own. */
const NOT_REMOVABLE = '/proc/self/fdinfo';
const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

test('whoever works in the directory of a test is ended, also when the directory is gone already', () => {
  const directory = mkdtempSync(join(tmpdir(), 'statevisor-left-'));
  made.push(directory);
  const below = join(directory, 'below');
  mkdirSync(below);
  const pids = [below, directory].map((cwd) => spawn('sleep', ['600'], { cwd, detached: true, stdio: 'ignore' }).pid);
  const told = spawn('/bin/sh', ['-c', 'read nothing', directory], { detached: true }).pid;
  expect(processesOf(directory)).toEqual(expect.arrayContaining([...pids, told]));
  rmSync(directory, { recursive: true });
  endProcessesOf(directory);
  expect(processesOf(directory)).toEqual([]);
});

test('a test that ran out of time leaves nobody running and nothing on disk: both go with the process of its file', async () => {
  const child = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] });
  const directory = String((await once(child.stdout, 'data'))[0]).trim();
  made.push(directory);
  await until(
    () => processesOf(directory).length,
    (count) => count === 1,
    LIMIT_MS,
  );
  child.kill('SIGTERM');
  await once(child, 'exit');
  expect([processesOf(directory), existsSync(directory)]).toEqual([[], false]);
});

test('a directory that cannot be removed is named, and keeps none of the others', async () => {
  const child = spawn(process.execPath, [PROGRAM, NOT_REMOVABLE], { stdio: 'pipe' });
  const said = text(child.stderr);
  const directory = String((await once(child.stdout, 'data'))[0]).trim();
  made.push(directory);
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  expect([code, processesOf(directory), existsSync(directory)]).toEqual([128 + 15, [], false]);
  expect(await said).toContain(`${NOT_REMOVABLE} of a test is left behind`);
});
