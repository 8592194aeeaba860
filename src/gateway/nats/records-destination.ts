import { headers, type NatsConnection } from '@nats-io/transport-node';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { LogEntry } from '../../actors/contracts/log.ts';
import type { Cursor } from '../outbox/cursor-store.ts';
import type { Delivery, Destination } from '../outbox/destination.ts';
import { type AcknowledgedPublisher, createAcknowledgedPublisher } from './acknowledged-publisher.ts';
import { type RecordMessage, recordMessage } from './record-message.ts';
import {
  JETSTREAM_LIMIT_MS,
  openRecordsStream,
  POSITION_HEADER,
  resumeFrom,
  STREAM_LIMITS_DEFAULT,
  type StreamLimits,
  type StreamMemo,
  WRITER_HEADER,
} from './records-stream.ts';

/**
 * Records on their way to NATS. With JetStream each is acknowledged by the stream and expects to follow the one before
 * it, so that none is missing, none is there twice, and all stand in order. Without it they are published, and whoever
 * listens at that moment hears them: best effort.
 */

export type RecordsMode = 'jetstream' | 'best_effort';

export interface RecordsDestinationOptions {
  /** The connection, while the server answers. */
  readonly connection: () => NatsConnection | null;
  readonly host: string;
  /** The log that these records come from. */
  readonly logName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: StreamLimits;
}

export interface RecordsDestination extends Destination {
  /** Null until the server was reached for the first time. */
  mode(): RecordsMode | null;
}

/** Records on their way at one time: the server's answers are not waited for one by one. */
export const RECORDS_WINDOW = 256;
const WRITER_BYTES = 8;
/** Room left in a message for its subject and headers. */
const HEADERS_ROOM_BYTES = 8_192;

export function createRecordsDestination(options: RecordsDestinationOptions): RecordsDestination {
  return new NatsRecords(options);
}

type Publishing = (message: RecordMessage, entry: LogEntry) => Promise<Delivery>;

class NatsRecords implements RecordsDestination {
  readonly window = RECORDS_WINDOW;
  readonly #options: RecordsDestinationOptions;
  #mode: RecordsMode | null = null;
  #publish: Publishing = () => Promise.reject(new Error('not opened'));
  #publisher: AcknowledgedPublisher | null = null;
  #payloadMaxBytes = 0;

  constructor(options: RecordsDestinationOptions) {
    this.#options = options;
  }

  mode(): RecordsMode | null {
    return this.#mode;
  }

  async open(cursor: Cursor): Promise<Cursor> {
    this.#publisher?.end(new Error('given up'));
    const connection = this.#options.connection();
    if (connection === null) throw new Error('there is no connection to NATS');
    this.#payloadMaxBytes = (connection.info?.max_payload ?? 0) - HEADERS_ROOM_BYTES;
    const { host, logName, limits = STREAM_LIMITS_DEFAULT, clock, random } = this.#options;
    try {
      const stream = await openRecordsStream(connection, host, limits);
      const resumed = await resumeFrom(stream, cursor, () => `${logName}:${random.hex(WRITER_BYTES)}`);
      this.#mode = 'jetstream';
      this.#publisher = createAcknowledgedPublisher(connection, { clock, limitMs: JETSTREAM_LIMIT_MS });
      this.#publish = intoStream(this.#publisher, resumed.memo);
      return resumed;
    } catch (error) {
      if (!isWithoutJetStream(error)) throw error;
      this.#mode = 'best_effort';
      this.#publish = intoTheAir(connection, cursor.memo);
      return cursor;
    }
  }

  deliver(entry: LogEntry): Promise<Delivery> {
    return this.#publish(recordMessage(entry, this.#options.host, this.#payloadMaxBytes), entry);
  }
}

function intoStream(publisher: AcknowledgedPublisher, from: StreamMemo): Publishing {
  let expected = from.sequence;
  return async ({ subject, id, payload }, { position }) => {
    const lines = headers();
    lines.set(POSITION_HEADER, position);
    lines.set(WRITER_HEADER, from.writer);
    lines.set('Nats-Msg-Id', id);
    lines.set('Nats-Expected-Last-Sequence', String(expected));
    expected += 1;
    const sequence = await publisher.publish(subject, payload, lines);
    return { memo: { ...from, sequence, position } satisfies StreamMemo };
  };
}

function intoTheAir(connection: NatsConnection, memo: unknown): Publishing {
  return async ({ subject, id, payload }, { position }) => {
    const lines = headers();
    lines.set('Nats-Msg-Id', id);
    lines.set(POSITION_HEADER, position);
    connection.publish(subject, payload, { headers: lines });
    await connection.flush();
    return { memo };
  };
}

/** The package tells this error apart by its name only. */
function isWithoutJetStream(error: unknown): boolean {
  return error instanceof Error && error.name === 'JetStreamNotEnabled';
}
