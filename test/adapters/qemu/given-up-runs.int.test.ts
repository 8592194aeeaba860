import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { giveUpRun, type RunFacts, readRunState, takeRun } from '../../../src/adapters/qemu/run-directory.ts';

/** Writes into its directory until it is killed, as the supervisor of a VMM does while it starts. */
const WRITER = 'n=0; while [ $n -lt 100000 ]; do : >"file-$n"; n=$((n + 1)); [ $n -ne 50 ] || echo begun; done';
const facts = { token: 'c0ffee' } as RunFacts;

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'statevisor-runs-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));

test('a run that is given up while its supervisor starts is free to be taken again', async () => {
  const directory = join(root, '1');
  expect(await takeRun(directory, facts)).toBe(true);
  const supervisor = spawn('/bin/sh', ['-c', WRITER], { cwd: directory, stdio: ['ignore', 'pipe', 'ignore'] });
  // From the beginning: it may have ended by itself before it is waited for.
  const closed = once(supervisor, 'close');
  try {
    await once(supervisor.stdout, 'data');
    expect(await giveUpRun(directory, facts.token)).toBe(true);
    expect(existsSync(directory)).toBe(false);
    expect(readRunState(directory)).toEqual({ state: 'none' });
    expect(await takeRun(directory, { ...facts, token: 'another' })).toBe(true);
  } finally {
    supervisor.kill('SIGKILL');
    await closed;
  }
});

test('nothing is left of a run that is given up before anybody writes there', async () => {
  const directory = join(root, '1');
  await takeRun(directory, facts);
  expect(await giveUpRun(directory, facts.token)).toBe(true);
  expect(readdirSync(root)).toEqual([]);
});

test('what a daemon that died has left of a run that never was goes with the next one: memory takes room', async () => {
  mkdirSync(join(root, '.forgotten-decade'));
  writeFileSync(join(root, '.forgotten-decade', 'memory'), 'of a guest');
  expect(await takeRun(join(root, '1'), facts)).toBe(true);
  expect(readdirSync(root)).toEqual(['1']);
});
