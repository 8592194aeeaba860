import type { NatsConnection } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { seededRandom, systemClock } from '../../../src/actors/clock.ts';
import type { AppendResult, LogEntry, Token } from '../../../src/actors/contracts/log.ts';
import { type JetstreamLog, openJetstreamLog } from '../../../src/adapters/log-jetstream/jetstream-log.ts';
import { until } from '../../cli/daemon-process.ts';
import { logChecks } from '../../contracts/log.contract.ts';
import { appendMany, bytesOf, collect, type LogCheck, mustAppend } from '../../contracts/log-check.ts';
import { type JetstreamCluster, startJetstreamCluster } from './jetstream-cluster.ts';

/** Goal: a log with three replicas survives what it declares, `node`. Method: one of three servers is killed and its disk removed. */

const RETURN_LIMIT_MS = 40_000;
/** Of the contract, what three servers could answer otherwise than one. */
const CHECKED = [
  'an append whose prev is not the head changes nothing and is told the head',
  'of many appends after the same head exactly one wins',
  'many streams written at once each keep their own order, and no position is given twice',
  'the same text appended again is another entry, or a conflict when its prev has been followed',
];

const clock = systemClock();
let cluster: JetstreamCluster;
let connection: NatsConnection;
beforeEach(async () => {
  cluster = await startJetstreamCluster();
  connection = await cluster.connect();
});
afterEach(async () => {
  await connection.close();
  await cluster.remove();
});

function open(name: string): Promise<JetstreamLog> {
  return openJetstreamLog({ connection, name, host: 'here', clock, random: seededRandom(1, clock), replicas: 3 });
}

function checkNamed(rule: string): LogCheck {
  const check = logChecks.find((candidate) => candidate.rule === rule);
  if (check === undefined) throw new Error(`no check is called "${rule}"`);
  return check;
}

/** Appended, however long the servers take to find a new leader. */
async function appendInTime(log: JetstreamLog, prev: LogEntry, text: string): Promise<void> {
  const offer = async (): Promise<AppendResult | LogEntry | null> => {
    const result = await log.append(prev.stream, prev.token as Token, text);
    return result.kind === 'unknown' ? log.head(prev.stream).catch(() => null) : result;
  };
  const isThere = (seen: AppendResult | LogEntry | null): boolean =>
    seen !== null && ('kind' in seen ? seen.kind === 'appended' : seen.bytes === text);
  await until(offer, isThere, RETURN_LIMIT_MS);
}

describe('a log on three servers', () => {
  test('keeps the contract where three could answer otherwise than one, and outlives any one of them', async () => {
    for (const [index, rule] of CHECKED.entries()) {
      const log = await open(`checked-${index}`);
      await checkNamed(rule).run({ log, reopen: async () => log, destroy: () => log.close() });
      await log.close();
    }
    const log = await open('kept');
    expect(log.survives).toBe('node');
    await Promise.all(['a', 'b', 'c', 'd'].map((stream) => appendMany(log, stream, 50)));
    const before = await collect(log.readAll(null));
    await cluster.lose(0);
    await until(
      () => log.state().mode,
      (mode) => mode === 'serving',
      RETURN_LIMIT_MS,
    );
    const head = await until(
      () => log.head('a').catch(() => null),
      (found) => found !== null,
      RETURN_LIMIT_MS,
    );
    await appendInTime(log, head!, 'after the loss');
    // Reads through a consumer wait for the servers to agree on who places it.
    const read = (): Promise<LogEntry[] | null> => collect(log.readAll(null)).catch(() => null);
    const after = (await until(read, (entries) => entries !== null, RETURN_LIMIT_MS)) ?? [];
    expect(after.slice(0, before.length)).toEqual(before);
    expect(bytesOf(after.slice(before.length))).toEqual(['after the loss']);
    await mustAppend(log, 'e', null, 'goes on');
    await log.close();
  });
});
