import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import type { Cursor } from '../outbox/cursor-store.ts';
import { recordsPrefix, subjectToken } from './subjects.ts';

/**
 * The JetStream stream that holds the records of one host, and how far it has them. One host writes it and nobody else,
 * so what it holds is always the beginning of what was sent, and its last message tells where to go on.
 */

export interface StreamLimits {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

/** Of a stream that the daemon makes; one that is there already keeps its own. */
export const STREAM_LIMITS_DEFAULT: StreamLimits = { maxAgeMs: 30 * 24 * 3_600_000, maxBytes: 512 * 1024 * 1024 };
/** Headers of every message in it. */
export const POSITION_HEADER = 'Statevisor-Position';
export const WRITER_HEADER = 'Statevisor-Writer';
/** How long the server may take for one question. */
export const JETSTREAM_LIMIT_MS = 5_000;
const NANOSECONDS_PER_MS = 1_000_000;

export function recordsStreamName(host: string): string {
  return `statevisor-records-${subjectToken(host).replaceAll(/[/\\]/g, '_')}`;
}

/** What the cursor remembers of the stream. */
export const streamMemoSchema = z.object({
  /** Names the log that these records come from: another log of this host is another writer. */
  writer: z.string(),
  /** When the stream was made: a later one is another stream. */
  created: z.string(),
  /** Of the last message that was acknowledged, and the position of its record. */
  sequence: z.int().nonnegative(),
  position: z.string().nullable(),
});
export type StreamMemo = z.infer<typeof streamMemoSchema>;

/** Finds the stream, or makes it. Throws JetStreamNotEnabled where there is no JetStream. */
export async function openRecordsStream(
  connection: NatsConnection,
  host: string,
  limits: StreamLimits,
): Promise<{ manager: JetStreamManager; info: StreamInfo }> {
  const manager = await jetstreamManager(connection, { timeout: JETSTREAM_LIMIT_MS });
  const name = recordsStreamName(host);
  try {
    return { manager, info: await manager.streams.info(name) };
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== JetStreamApiCodes.StreamNotFound) throw error;
  }
  const info = await manager.streams.add({
    name,
    description: `What was recorded on ${host}`,
    subjects: [`${recordsPrefix(host)}>`],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    max_age: limits.maxAgeMs * NANOSECONDS_PER_MS,
    max_bytes: limits.maxBytes,
  });
  return { manager, info };
}

/**
 * Where to go on with this stream. What it has lost, or got without our hearing of it, is told by its last message; where
 * that tells nothing, everything is sent again rather than something left out.
 */
export async function resumeFrom(
  { manager, info }: { manager: JetStreamManager; info: StreamInfo },
  cursor: Cursor,
  newWriter: () => string,
): Promise<Cursor & { readonly memo: StreamMemo }> {
  const { created } = info;
  const sequence = info.state.last_seq;
  const known = streamMemoSchema.safeParse(cursor.memo);
  const memo = known.success ? known.data : null;
  const at = (position: string | null, writer: string): Cursor & { readonly memo: StreamMemo } => {
    return { position, memo: { writer, created, sequence, position } };
  };
  const anew = at(null, memo?.writer ?? newWriter());
  if (memo === null || memo.created !== created || sequence === 0) return anew;
  if (sequence === memo.sequence) return at(memo.position, memo.writer);
  const last = await manager.streams.getMessage(info.config.name, { seq: sequence });
  const isOurs = last?.header?.get(WRITER_HEADER) === memo.writer;
  if (last !== null && isOurs) return at(last.header.get(POSITION_HEADER), memo.writer);
  return sequence > memo.sequence ? at(memo.position, memo.writer) : anew;
}
