import {
  type Consumer,
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  type MsgRequest,
  type OrderedConsumerOptions,
} from '@nats-io/jetstream';
import type { LogEntry, Position } from '../../actors/contracts/log.ts';
import { LogUnavailableError } from '../../actors/contracts/log-error.ts';
import type { ConnectionWatch } from './connection-watch.ts';
import { entryOf, seqOf } from './entries.ts';
import { allEntries, type LogNames, subjectOf } from './naming.ts';

/** Entries fetched ahead of a reader. */
const FETCHED_AHEAD = 256;
/** A reader that wants no more than so many is served entry by entry: that costs less than a consumer. */
const FEW = 16;
/** A consumer nobody reads from is removed by the server. */
const UNUSED_CONSUMER_MS = 30_000;
/** Sequences read at a time by a reader that goes backwards. */
const WINDOW = 1_024;
const NANOS_PER_MS = 1_000_000;

export interface Reading {
  readonly manager: JetStreamManager;
  readonly client: JetStreamClient;
  readonly names: LogNames;
  readonly watch: ConnectionWatch;
}

/** Throws LogUnavailableError when the server gives no answer. */
export async function askServer<T>(watch: ConnectionWatch, ask: () => Promise<T>): Promise<T> {
  if (!watch.reachable()) throw new LogUnavailableError(watch.state().message ?? 'the log cannot be reached');
  try {
    return await ask();
  } catch (error) {
    if (error instanceof LogUnavailableError) throw error;
    throw new LogUnavailableError('the server of the log gave no answer', { cause: error });
  }
}

export async function getEntry(reading: Reading, query: MsgRequest): Promise<LogEntry | null> {
  const { manager, names, watch } = reading;
  const message = await askServer(watch, () => manager.streams.getMessage(names.stream, query));
  if (message === null) return null;
  const { subject, seq, header, data } = message;
  return entryOf(names, { subject, seq, headers: header, data });
}

export function readHead(reading: Reading, stream: string): Promise<LogEntry | null> {
  return getEntry(reading, { last_by_subj: subjectOf(reading.names, stream) });
}

export function readLast(reading: Reading): Promise<LogEntry | null> {
  return getEntry(reading, { last_by_subj: allEntries(reading.names) });
}

/** The first entry on the subject at or after a sequence. */
function readNext(reading: Reading, stream: string, seq: number): Promise<LogEntry | null> {
  return getEntry(reading, { seq, next_by_subj: subjectOf(reading.names, stream) } as unknown as MsgRequest);
}

/** Sequence of the first entry with at least this version: versions rise with sequences, so it can be bisected. */
async function seqOfVersion(reading: Reading, stream: string, version: number, head: LogEntry): Promise<number> {
  if (version === head.version) return seqOf(head.position);
  let [low, high] = [1, seqOf(head.position)];
  while (low < high && version > 1) {
    const middle = Math.floor((low + high) / 2);
    const entry = await readNext(reading, stream, middle);
    if (entry === null || entry.version >= version) high = middle;
    else low = seqOf(entry.position) + 1;
  }
  return low;
}

/** Entries of one stream from a version to the head that is present now. */
export async function* readStream(
  reading: Reading,
  stream: string,
  fromVersion: number,
  limit: number,
): AsyncGenerator<LogEntry> {
  if (limit === 1 && fromVersion === 1) {
    // What a definition is read with, once for each instance at every start: one question is enough.
    const first = await readNext(reading, stream, 1);
    if (first !== null) yield first;
    return;
  }
  const head = await readHead(reading, stream);
  if (head === null || head.version < fromVersion) return;
  const from = await seqOfVersion(reading, stream, fromVersion, head);
  const end = seqOf(head.position);
  if (Math.min(limit, head.version - fromVersion + 1) > FEW) {
    yield* consumeTo(reading, { filter_subjects: subjectOf(reading.names, stream), opt_start_seq: from }, end);
    return;
  }
  let wanted = limit;
  for (let seq = from; seq <= end && wanted > 0; wanted--) {
    const entry = await readNext(reading, stream, seq);
    if (entry === null) return;
    yield entry;
    seq = seqOf(entry.position) + 1;
  }
}

export async function* readAll(reading: Reading, after: Position | null): AsyncGenerator<LogEntry> {
  const last = await readLast(reading);
  if (last === null || seqOf(last.position) <= seqOf(after)) return;
  const options = { filter_subjects: allEntries(reading.names), opt_start_seq: seqOf(after) + 1 };
  yield* consumeTo(reading, options, seqOf(last.position));
}

/** In windows of sequences from the end on: consumers know one direction only. */
export async function* readBackwards(reading: Reading): AsyncGenerator<LogEntry> {
  const last = await readLast(reading);
  for (let end = seqOf(last?.position ?? null); end > 0; end -= WINDOW) {
    const from = Math.max(1, end - WINDOW + 1);
    const window: LogEntry[] = [];
    const options = { filter_subjects: allEntries(reading.names), opt_start_seq: from };
    for await (const entry of consumeTo(reading, options, end)) window.push(entry);
    yield* window.reverse();
  }
}

export async function* readHeads(reading: Reading): AsyncGenerator<LogEntry> {
  const last = await readLast(reading);
  if (last === null) return;
  const options = { filter_subjects: allEntries(reading.names), deliver_policy: DeliverPolicy.LastPerSubject };
  yield* consumeTo(reading, options, seqOf(last.position));
}

export interface Consumed {
  readonly messages: ConsumerMessages;
  /** Messages there were when it began. */
  readonly pending: number;
  readonly end: () => Promise<void>;
}

/** Messages in the order of the stream: the client begins anew by itself where one is missing. */
export async function consume(reading: Reading, options: Partial<OrderedConsumerOptions>): Promise<Consumed> {
  const { client, names, watch } = reading;
  const all = { ...options, inactive_threshold: UNUSED_CONSUMER_MS * NANOS_PER_MS };
  const consumer: Consumer = await askServer(watch, () => client.consumers.get(names.stream, all));
  const { num_pending: pending } = await askServer(watch, () => consumer.info(true));
  const messages = await consumer.consume({ max_messages: FETCHED_AHEAD });
  const end = async (): Promise<void> => {
    messages.stop();
    if (watch.reachable()) await consumer.delete().catch(() => false);
  };
  return { messages, pending, end };
}

/**
 * Whether nothing stands at a sequence any more. A consumer counts what its own server has, which may lag behind the
 * others: that nothing is left there is no end while the leader of the stream still has what is to come.
 */
async function isGone(reading: Reading, seq: number): Promise<boolean> {
  return (await getEntry(reading, { seq })) === null;
}

/** What a consumer brings up to the sequence `end`; throws when the log is cut off meanwhile. */
async function* consumeTo(
  reading: Reading,
  options: Partial<OrderedConsumerOptions>,
  end: number,
): AsyncGenerator<LogEntry> {
  const consumed = await consume(reading, options);
  const { messages } = consumed;
  const uncut = reading.watch.onCut(() =>
    messages.stop(new LogUnavailableError('the log was cut off while it was read')),
  );
  try {
    if (consumed.pending === 0 && (await isGone(reading, end))) return;
    for await (const message of messages) {
      if (message.seq > end) return;
      yield entryIn(reading.names, message);
      if (message.seq === end) return;
      if (message.info.pending === 0 && (await isGone(reading, end))) return;
    }
    throw new LogUnavailableError('the log was cut off while it was read');
  } finally {
    uncut();
    await consumed.end();
  }
}

export function entryIn(names: LogNames, { subject, seq, headers, data }: JsMsg): LogEntry {
  return entryOf(names, { subject, seq, headers, data });
}
