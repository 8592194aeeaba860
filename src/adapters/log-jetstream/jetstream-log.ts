import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { AppendResult, Log } from '../../actors/contracts/log.ts';
import { LogOpenError, LogUnavailableError } from '../../actors/contracts/log-error.ts';
import { type Appender, createAppender } from './appends.ts';
import { claimOf } from './claim.ts';
import { watchConnection } from './connection-watch.ts';
import { LOG_NAME, namesOf } from './naming.ts';
import { CLAIM_SETTLE_MS, claimLog, type Ownership } from './ownership.ts';
import { createPublisher, type Publisher } from './publisher.ts';
import { type Reading, readAll, readBackwards, readHead, readHeads, readStream } from './reads.ts';
import { openRetention, type Retention } from './retention.ts';
import { ensureStream } from './stream-setup.ts';
import { follow } from './subscription.ts';

/** How long the server has to answer anything but an append. */
export const REQUEST_WAIT_MS = 3_000;

export interface JetstreamLogOptions {
  /** For this log alone; whoever opened it closes it, after the log. */
  readonly connection: NatsConnection;
  /** Letters, digits, `_` and `-`, at most 64. */
  readonly name: string;
  /** Told to whoever wants the log while this process owns it. */
  readonly host: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Servers that keep each entry; not given: as the stream is, and 1 for a new one. */
  readonly replicas?: number | undefined;
  /** Not given: as much as the server allows. */
  readonly maxBytes?: number | undefined;
}

export interface JetstreamLog extends Log {
  readonly survives: 'process' | 'node';
  /** Resolves with who has taken the log over, if that ever happens. Nothing is appended here from then on. */
  readonly superseded: Promise<string>;
}

interface Parts {
  readonly reading: Reading;
  readonly publisher: Publisher;
  readonly ownership: Ownership;
  readonly appender: Appender;
  readonly retention: Retention;
  readonly replicas: number;
  readonly superseded: Promise<string>;
}

/**
 * The log as a JetStream stream of a NATS server or cluster. On one server it declares that entries survive the end of
 * every process and no more: the server acknowledges a message when it has written it, not when the disk has it. With
 * replicas it declares `node`: a majority of the servers has each entry.
 *
 * One process at a time owns a log by its name. Throws LogOpenError: `log_in_use`, `log_unreachable`,
 * `log_misconfigured`, `log_unreadable`, `log_from_newer_version`.
 */
export async function openJetstreamLog(options: JetstreamLogOptions): Promise<JetstreamLog> {
  const { connection, clock, random, host } = options;
  const names = namesOf(checkedName(options.name));
  const manager = await jetstreamManager(connection, { timeout: REQUEST_WAIT_MS, checkAPI: false });
  const client = jetstream(connection, { timeout: REQUEST_WAIT_MS });
  const { replicas } = await ensureStream(manager, names, options, clock);
  const watch = watchConnection(connection, clock);
  const publisher = createPublisher(connection, clock);
  watch.onCut(() => publisher.giveUp('the server of the log was cut off before it answered'));
  const superseded = Promise.withResolvers<string>();
  const onLost = (successor: string): void => {
    watch.lost(`the log ${names.name} was taken over by ${successor}`);
    superseded.resolve(successor);
  };
  const self = claimOf(random.id(), host, clock.now());
  try {
    const settleMs = replicas > 1 ? CLAIM_SETTLE_MS : 0;
    const ownership = await claimLog({ connection, manager, names, publisher, watch, clock, self, settleMs, onLost });
    const reading = { manager, client, names, watch };
    const appender = createAppender({
      connection,
      names,
      publisher,
      watch,
      ownership,
      readHead: (stream) => readHead(reading, stream),
    });
    const retention = await openRetention(reading, ownership);
    return logOver({ reading, publisher, ownership, appender, retention, replicas, superseded: superseded.promise });
  } catch (error) {
    publisher.close();
    watch.close();
    throw error;
  }
}

function checkedName(name: string): string {
  if (LOG_NAME.test(name)) return name;
  const message = `A log's name has 1 to 64 letters, digits, "_" or "-"; ${JSON.stringify(name)} has not.`;
  throw new LogOpenError('log_misconfigured', name, message);
}

function logOver({ reading, publisher, ownership, appender, retention, replicas, superseded }: Parts): JetstreamLog {
  const { watch } = reading;
  let closing: Promise<void> | null = null;
  const closed = new AbortController();
  let appendedBytes = 0;
  const underWay = new Set<Promise<unknown>>();
  const assertOpen = (): void => {
    if (closing !== null) throw new LogUnavailableError('the log is closed');
  };
  const close = async (): Promise<void> => {
    await Promise.allSettled(underWay);
    await publisher.drained();
    await ownership.release();
    watch.close();
    publisher.close();
  };
  return {
    survives: replicas > 1 ? 'node' : 'process',
    superseded,
    state: () => watch.state(),
    append: (stream, prev, bytes) => {
      if (closing !== null) {
        return Promise.resolve({ kind: 'refused', reason: 'unavailable', message: 'the log is closed' });
      }
      const result = appender.append(stream, prev, bytes);
      underWay.add(result);
      const count = ({ kind }: AppendResult): void => {
        underWay.delete(result);
        if (kind === 'appended') appendedBytes += Buffer.byteLength(bytes);
      };
      void result.then(count, () => underWay.delete(result));
      return result;
    },
    async *read(stream, fromVersion = 1, limit = Number.POSITIVE_INFINITY) {
      assertOpen();
      yield* readStream(reading, stream, Math.max(1, fromVersion), limit);
    },
    head: async (stream) => {
      assertOpen();
      await appender.settle(stream);
      return readHead(reading, stream);
    },
    async *heads() {
      assertOpen();
      yield* readHeads(reading);
    },
    extent: async () => {
      assertOpen();
      return retention.extent();
    },
    async *readAll(after) {
      assertOpen();
      yield* readAll(reading, after);
    },
    async *readBackwards() {
      assertOpen();
      yield* readBackwards(reading);
    },
    trim: async (first) => {
      assertOpen();
      return retention.trim(first);
    },
    usage: async () => {
      assertOpen();
      return retention.usage(appendedBytes);
    },
    async *subscribe(after, signal) {
      assertOpen();
      yield* follow(reading, after, AbortSignal.any([signal, closed.signal]));
    },
    close: () => {
      closing ??= close();
      closed.abort();
      return closing;
    },
  };
}
