import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { seededRandom, systemClock } from '../../src/actors/clock.ts';
import { chainHash } from '../../src/actors/contracts/chain.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { collect } from '../contracts/log-check.ts';

const WRITER = fileURLToPath(new URL('./log-writer.process.ts', import.meta.url));
const KILLS = 12;
/** Acknowledgements after which a kill may come, at most; the exact number is drawn. */
const ACKNOWLEDGED_BEFORE_KILL_MAX = 1_500;
const SEED = 20_260_101;

type WriterProcess = ChildProcessByStdio<null, Readable, null>;

function startWriter(directory: string, run: number): WriterProcess {
  const placement = run % 2 === 0 ? 'worker' : 'main';
  return spawn(process.execPath, [WRITER, directory, String(run), placement], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Reads lines until `enough` of them have come, kills the writer, and reads what it still had said. */
async function killAfter(writer: WriterProcess, enough: number): Promise<string[]> {
  const lines: string[] = [];
  const exited = once(writer, 'exit');
  for await (const line of createInterface({ input: writer.stdout })) {
    lines.push(line);
    if (lines.length === enough) writer.kill('SIGKILL');
  }
  await exited;
  return lines;
}

describe('after kill -9 in the midst of writing', () => {
  let directory: string;
  const writers: WriterProcess[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'statevisor-log-'));
  });
  afterEach(async () => {
    for (const writer of writers.splice(0)) writer.kill('SIGKILL');
    await rm(directory, { recursive: true });
  });

  test(`every acknowledged entry is there, what was trimmed is not, and the chain is whole, ${KILLS} times in a row`, async () => {
    const acknowledged: string[] = [];
    const trims: string[] = [];
    const random = seededRandom(SEED, systemClock());
    for (let run = 0; run < KILLS; run++) {
      const writer = startWriter(directory, run);
      writers.push(writer);
      const enough = 2 + (Number.parseInt(random.hex(4), 16) % ACKNOWLEDGED_BEFORE_KILL_MAX);
      const [opened, ...lines] = await killAfter(writer, enough);
      assert.equal(opened, 'open');
      assert.equal(writer.signalCode, 'SIGKILL');
      acknowledged.push(...lines.filter((line) => /^stream \d+ \d+ \d{16}$/.test(line)));
      trims.push(...lines.filter((line) => /^trim(med)? stream \d+ \d+$/.test(line)));
      await checkAll(directory, acknowledged, trims);
    }
    expect(trims.some((line) => line.startsWith('trimmed'))).toBe(true);
    expect(acknowledged.length).toBeGreaterThan(KILLS);
  });

  test('a second opener is refused with the pid of the first, and let in once that was killed', async () => {
    const writer = startWriter(directory, 0);
    writers.push(writer);
    await once(createInterface({ input: writer.stdout }), 'line');
    const rival = startWriter(directory, 1);
    writers.push(rival);
    assert.deepEqual(await killAfter(rival, Number.POSITIVE_INFINITY), [`refused data_directory_in_use ${writer.pid}`]);
    await expect(openSqliteLog({ directory, clock: systemClock() })).rejects.toMatchObject({
      code: 'data_directory_in_use',
      directory,
      ownerPid: writer.pid,
      message: expect.stringContaining(directory),
    });
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    await (await openSqliteLog({ directory, clock: systemClock() })).close();
  });
});

/** The newest version that a trim of the stream was asked for, or has answered for. */
function trimmedTo(stream: string, word: 'trim' | 'trimmed', trims: readonly string[]): number {
  const versions = trims.filter((line) => line.startsWith(`${word} ${stream} `)).map((line) => line.split(' ').at(-1));
  return Math.max(1, ...versions.map(Number));
}

async function checkAll(directory: string, acknowledged: readonly string[], trims: readonly string[]): Promise<void> {
  const log = await openSqliteLog({ directory, clock: systemClock() });
  try {
    const present = new Set<string>();
    const last = new Map<string, { version: number; hash: string }>();
    const first = new Map<string, number>();
    for (const entry of await collect(log.readAll(null))) {
      const before = last.get(entry.stream) ?? { version: entry.version - 1, hash: entry.prev_hash };
      if (!first.has(entry.stream)) first.set(entry.stream, entry.version);
      assert.equal(entry.version, before.version + 1);
      assert.equal(entry.prev_hash, before.hash);
      assert.equal(entry.hash, chainHash(before.hash, entry.bytes));
      last.set(entry.stream, entry);
      present.add(`${entry.stream} ${entry.version} ${entry.position}`);
    }
    for (const [stream, version] of first) {
      assert.ok(version >= trimmedTo(stream, 'trimmed', trims), `${stream}: what was trimmed has come back`);
      assert.ok(version <= trimmedTo(stream, 'trim', trims), `${stream}: more was trimmed than was asked for`);
    }
    const isKept = (line: string): boolean => {
      const [, name, version] = line.split(' ');
      return Number(version) >= (first.get(`stream ${name}`) ?? 1);
    };
    assert.deepEqual(
      acknowledged.filter((line) => isKept(line) && !present.has(line)),
      [],
      'acknowledged entries are missing',
    );
    for (const head of await collect(log.heads())) assert.equal(head.hash, last.get(head.stream)?.hash);
  } finally {
    await log.close();
  }
}
