/** Goal: a directory that is not ours to use is refused by name and left as it is. Method: real ones of every kind. */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dataDirectory, isServed, readEndpoints, writeEndpoints } from '../../src/cli/data-directory.ts';
import { DATA_VERSION, DataDirectoryError, ensureDataDirectory } from '../../src/cli/usable-directory.ts';

const SOMEBODY_ELSE = 54_321;

let parent: string;
let path: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'statevisor-directory-'));
  path = join(parent, 'data');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

function refusalOf(at: string): DataDirectoryError {
  try {
    ensureDataDirectory(dataDirectory(at));
  } catch (error) {
    if (error instanceof DataDirectoryError) return error;
    throw error;
  }
  throw new Error('It was not refused.');
}

test('one that is not there is made, marked, and for its owner only', () => {
  ensureDataDirectory(dataDirectory(join(path, 'deeper')));
  expect(statSync(join(path, 'deeper')).mode & 0o777).toBe(0o700);
  expect(readFileSync(join(path, 'deeper', 'version'), 'utf8')).toBe(`${DATA_VERSION}\n`);
});

test('one that others could enter is closed to them', () => {
  mkdirSync(path, { mode: 0o755 });
  ensureDataDirectory(dataDirectory(path));
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test('one of a version before the mark gets it, and everything else stays', () => {
  mkdirSync(path);
  writeFileSync(join(path, 'token'), 'kept\n');
  ensureDataDirectory(dataDirectory(path));
  ensureDataDirectory(dataDirectory(path));
  expect(readFileSync(join(path, 'token'), 'utf8')).toBe('kept\n');
  expect(readdirSync(path).sort()).toEqual(['images', 'log', 'token', 'version']);
});

describe('refused by name, with what to do, and untouched:', () => {
  test.for(['2', '10', 'one', ''])('version "%s"', (version) => {
    mkdirSync(path, { mode: 0o755 });
    writeFileSync(join(path, 'version'), version);
    const { code, message } = refusalOf(path);
    expect(code).toBe('data_directory_from_newer_version');
    expect(message).toContain('Use the newer program.');
    expect(readdirSync(path)).toEqual(['version']);
    expect(statSync(path).mode & 0o777).toBe(0o755);
  });

  test('a file in its place, and a file on the way to it', () => {
    writeFileSync(path, 'mine');
    for (const at of [path, join(path, 'deeper')]) {
      const { code, message } = refusalOf(at);
      expect(code).toBe('data_directory_not_a_directory');
      expect(message).toContain('--data');
    }
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  test("somebody else's", () => {
    mkdirSync(path);
    chownSync(path, SOMEBODY_ELSE, SOMEBODY_ELSE);
    const { code, message } = refusalOf(path);
    expect(code).toBe('data_directory_of_somebody_else');
    expect(message).toContain(`user ${SOMEBODY_ELSE}`);
    expect(message).toContain('chown');
    expect(readdirSync(path)).toEqual([]);
  });

  test('one on a file system that is mounted read-only, and one that would have to be made there', () => {
    mkdirSync(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro,size=1m,mode=0700', 'statevisor-test', path]);
    try {
      for (const at of [path, join(path, 'deeper')]) {
        const { code, message } = refusalOf(at);
        expect(code).toBe('data_directory_not_writable');
        expect(message).toContain('read-only');
      }
    } finally {
      execFileSync('umount', [path]);
    }
  });
});

describe('endpoints of a daemon', () => {
  const directory = () => dataDirectory(path);
  const endpoints = { http: 'http://127.0.0.1:1', nats: null, token_file: '/t' };
  const stat = (state: string) => ({ stat: () => `7 (node) ${state} ${'0 '.repeat(40)}` });

  test('are those of one that runs while its process is there', () => {
    mkdirSync(path);
    writeEndpoints(directory(), { ...endpoints, pid: process.pid });
    const read = readEndpoints(directory());
    expect(read === null || isServed(read)).toBe(true);
    expect(isServed({ ...endpoints, pid: 7 }, stat('S'))).toBe(true);
  });

  test('are stale when it is gone, or dead and not yet buried', () => {
    expect(isServed({ ...endpoints, pid: 7 }, { stat: () => null })).toBe(false);
    expect(isServed({ ...endpoints, pid: 7 }, stat('Z'))).toBe(false);
  });
});
