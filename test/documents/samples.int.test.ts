/**
 * Goal: code in documents works as written. Method: each sample runs as a program of its own, against a daemon on the
 * simulator with its private nats-server; what it prints is what the document says.
 */
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { manifestSchema } from '../../src/adapters/qemu/image/manifest.ts';
import { projectDir } from '../architecture/project-files.ts';
import { recordedHistories } from '../histories/recorded.ts';
import { consoleSession, type Session } from './console-session.ts';
import { document, name, runnable, tableRows } from './markdown.ts';

const SAMPLE_LIMIT_MS = 60_000;

let session: Session;
/** Where samples lie: beside the packages they import. */
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-samples-'));
  symlinkSync(join(projectDir, 'node_modules'), join(directory, 'node_modules'));
  session = consoleSession();
  await session.run({ command: 'npm start -- --no-hello --nats auto', shown: '...' });
});

afterAll(async () => {
  await session.end();
  rmSync(directory, { recursive: true, force: true });
});

/** Runs a sample of a document; what it printed, with its errors. */
function printedBy(path: string, title: string, argument: string): string {
  const file = join(directory, 'sample.mjs');
  writeFileSync(file, runnable(document(path), title));
  const ran = spawnSync(process.execPath, [file, argument], { encoding: 'utf8', timeout: SAMPLE_LIMIT_MS });
  return ran.stdout + ran.stderr;
}

test.for([
  ['docs/how-to/use-nats.md', 'client'],
  ['docs/how-to/use-nats.md', 'discover'],
  ['docs/how-to/repeat-commands-safely.md', 'repeat'],
  ['docs/how-to/follow-what-happens.md', 'follow'],
] as const)('%s: the sample prints what is said', ([path, title]) => {
  expect(printedBy(path, title, session.place.data)).toBe(runnable(document(path), `${title} prints`));
});

test('the manifest of the how-to is one', () => {
  const manifest: unknown = JSON.parse(runnable(document('docs/how-to/add-an-image.md'), 'manifest'));
  expect(manifestSchema.parse(manifest)).toMatchObject({ name: 'worker', ready: 'console:^login: ' });
});

describe('the sample that recomputes the chain', () => {
  const sample = (): string =>
    printedBy('docs/reference/records.md', 'recompute the chain', join(directory, 'log', 'log.sqlite'));

  beforeAll(async () => {
    const log = await openSqliteLog({ directory: join(directory, 'log'), clock: systemClock(), ballastBytes: 0 });
    for (const { records, entries } of recordedHistories(1)) {
      let token: Parameters<typeof log.append>[1] = null;
      for (const { bytes } of entries) {
        const result = await log.append(records[0]!.stream, token, bytes);
        token = result.kind === 'appended' ? result.token : null;
      }
    }
    await log.close();
  });

  test('finds a log in order, and one link broken when a record was changed', async () => {
    const streams = new Set(recordedHistories(1).map(({ records }) => records[0]!.stream)).size;
    expect(sample()).toBe(`${streams} streams, 0 broken links\n`);
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(join(directory, 'log', 'log.sqlite'));
    database.exec(`UPDATE entries SET bytes = replace(bytes, '"version":2', '"version":3') WHERE seq = 2`);
    database.close();
    expect(sample()).toBe(`entry 2 does not follow from the one before it\n${streams} streams, 1 broken links\n`);
  });
});

describe('the data directory', () => {
  const rows = tableRows(document('docs/reference/data-directory.md'), 'path');

  test('holds nothing that is not told', () => {
    const told = new Set(rows.map(([path]) => name(path).split('/')[0]));
    expect(readdirSync(session.place.data).filter((entry) => !told.has(entry))).toEqual([]);
  });

  test('has the modes that are told, and is for its owner only', () => {
    expect(rows.map(([path, mode]) => `${path} ${mode}`)).toContain('`.` `0700`');
    for (const [path, mode] of rows) {
      const found = lstatSync(join(session.place.data, name(path)), { throwIfNoEntry: false });
      if (found === undefined || mode === '') continue;
      expect(`${name(path)} 0${(found.mode & 0o777).toString(8)}`).toBe(`${name(path)} ${name(mode)}`);
    }
  });
});
