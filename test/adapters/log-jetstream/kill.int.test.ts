import assert from 'node:assert/strict';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { seededRandom, systemClock } from '../../../src/actors/clock.ts';
import { chainHash } from '../../../src/actors/contracts/chain.ts';
import type { AppendResult, LogEntry, Token } from '../../../src/actors/contracts/log.ts';
import { type JetstreamLog, openJetstreamLog } from '../../../src/adapters/log-jetstream/jetstream-log.ts';
import { until } from '../../cli/daemon-process.ts';
import { collect, follow, within } from '../../contracts/log-check.ts';
import { type JetstreamServer, startJetstreamServer } from './jetstream-server.ts';

/**
 * Goal: `survives: process` is true. Method: the server is killed in the midst of writing, again and again, and started
 * on the same directory; everything it had acknowledged has to be there, once, in order, and chained.
 */

const KILLS = 20;
const WRITERS = 12;
const ACKNOWLEDGED_BEFORE_KILL_MAX = 250;
const RETURN_LIMIT_MS = 30_000;
const SEED = 20_261_126;

const clock = systemClock();
const random = seededRandom(SEED, clock);
let server: JetstreamServer;
let connection: NatsConnection;
let log: JetstreamLog;
beforeEach(async () => {
  server = await startJetstreamServer();
  connection = await server.connect();
  log = await openJetstreamLog({ connection, name: 'killed', host: 'here', clock, random });
});
afterEach(async () => {
  await connection.close();
  await log.close();
  await server.remove();
});

const reachable = (): Promise<boolean> => until(() => log.state().reachable, Boolean, RETURN_LIMIT_MS);

/** The head, read as often as it takes to get an answer. */
async function headOf(stream: string): Promise<LogEntry | null> {
  for (;;) {
    await reachable();
    const head = await log.head(stream).catch(() => 'cut off' as const);
    if (head !== 'cut off') return head;
  }
}

interface Tally {
  /** Texts whose append was acknowledged, or found at the head afterwards, by stream. */
  readonly written: Map<string, string[]>;
  acknowledged: number;
  unknown: number;
  refused: number;
  stop: boolean;
}

async function write(stream: string, tally: Tally): Promise<void> {
  const written: string[] = [];
  tally.written.set(stream, written);
  let prev: Token | null = null;
  for (let serial = 1; !tally.stop; serial++) {
    const text = `${stream}#${serial} ${random.hex(16)}`;
    for (let token: Token | null = null; token === null; ) {
      const result: AppendResult = await within('an answer', log.append(stream, prev, text), RETURN_LIMIT_MS);
      if (result.kind === 'appended') {
        tally.acknowledged += 1;
        token = result.token;
      } else if (result.kind === 'unknown') {
        tally.unknown += 1;
        const head = await headOf(stream);
        if (head?.bytes === text) token = head.token;
        else assert.equal(head?.token ?? null, prev, 'nobody else writes here');
      } else if (result.kind === 'refused') {
        tally.refused += 1;
        await reachable();
      } else assert.fail(`a conflict on a stream of one writer: ${JSON.stringify(result)}`);
      if (token !== null) prev = token;
    }
    written.push(text);
  }
}

function checkChains(entries: readonly LogEntry[], tally: Tally): void {
  const byStream = new Map<string, LogEntry[]>();
  for (const entry of entries) byStream.set(entry.stream, [...(byStream.get(entry.stream) ?? []), entry]);
  for (const [stream, written] of tally.written) {
    const present = byStream.get(stream) ?? [];
    assert.deepEqual(
      present.map(({ bytes }) => bytes),
      written,
      `${stream} holds exactly what was written to it, in order`,
    );
    let prev = '';
    for (const [index, entry] of present.entries()) {
      assert.equal(entry.version, index + 1);
      assert.equal(entry.prev_hash, prev);
      assert.equal(entry.hash, chainHash(prev, entry.bytes));
      prev = entry.hash;
    }
  }
}

describe('a nats-server that is killed in the midst of writing', () => {
  test(`has everything it acknowledged, ${KILLS} times in a row, and a follower misses nothing`, async () => {
    const tally: Tally = { written: new Map(), acknowledged: 0, unknown: 0, refused: 0, stop: false };
    const follower = follow(log, null);
    const writers = Promise.all(Array.from({ length: WRITERS }, (_, n) => write(`stream-${n}`, tally)));
    for (let kill = 0; kill < KILLS; kill++) {
      const enough = tally.acknowledged + 1 + (Number.parseInt(random.hex(4), 16) % ACKNOWLEDGED_BEFORE_KILL_MAX);
      await until(
        () => tally.acknowledged,
        (count) => count >= enough,
        RETURN_LIMIT_MS,
      );
      await server.kill();
      await server.start();
    }
    tally.stop = true;
    await within('the end of the writers', writers, RETURN_LIMIT_MS);
    const entries = await collect(log.readAll(null));
    checkChains(entries, tally);
    expect(tally.acknowledged).toBeGreaterThan(KILLS);
    expect(tally.unknown).toBeGreaterThan(0);
    await follower.has(entries.length, RETURN_LIMIT_MS);
    assert.deepEqual(follower.entries, entries);
    follower.abort();
    await follower.ended;
  }, 180_000);
});
