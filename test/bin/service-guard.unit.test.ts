import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withoutServices } from '../../bin/service-guard.js';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statevisor-guard-'));
  path = join(dir, 'policy-rc.d');
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** What a statevisor with this process id writes. */
function guardOf(pid: number): string {
  return withoutServices(() => readFileSync(path, 'utf8'), path, { pid, sleep: () => {} });
}

/** A process id that certainly belongs to nobody any more. */
function deadPid(): number {
  return spawnSync('/bin/true').pid;
}

describe('no package starts a service while packages are installed', () => {
  test('the guard answers "forbidden" while the work is done and is gone afterwards', () => {
    const status = withoutServices(() => {
      expect(statSync(path).mode & 0o777).toBe(0o755);
      return spawnSync(path, ['nats-server', 'start']).status;
    }, path);
    expect(status).toBe(101);
    expect(existsSync(path)).toBe(false);
  });

  test('the guard is gone after the work failed', () => {
    const failing = (): never => {
      throw new Error('disk full');
    };
    expect(() => withoutServices(failing, path)).toThrow('disk full');
    expect(existsSync(path)).toBe(false);
  });

  test("somebody else's policy stays as it is", () => {
    writeFileSync(path, '#!/bin/sh\nexit 0\n');
    withoutServices(() => expect(readFileSync(path, 'utf8')).toBe('#!/bin/sh\nexit 0\n'), path);
    expect(readFileSync(path, 'utf8')).toBe('#!/bin/sh\nexit 0\n');
  });

  test('a guard that a killed installation left behind is replaced and removed', () => {
    writeFileSync(path, guardOf(deadPid()));
    withoutServices(() => expect(readFileSync(path, 'utf8')).toContain(String(process.pid)), path);
    expect(existsSync(path)).toBe(false);
  });

  test('while another installation is at work we wait, so that its guard is not taken from us', () => {
    writeFileSync(path, guardOf(process.ppid));
    let waits = 0;
    const sleep = (): void => {
      waits += 1;
      if (waits === 3) rmSync(path);
    };
    withoutServices(() => expect(existsSync(path)).toBe(true), path, { pid: process.pid, sleep });
    expect(waits).toBe(3);
    expect(existsSync(path)).toBe(false);
  });

  test('another installation that never ends is an error, not an unguarded installation', () => {
    const theirs = guardOf(process.ppid);
    writeFileSync(path, theirs);
    let worked = false;
    const work = (): void => {
      worked = true;
    };
    expect(() => withoutServices(work, path, { pid: process.pid, sleep: () => {} })).toThrow('does not end');
    expect(worked).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe(theirs);
  });
});
