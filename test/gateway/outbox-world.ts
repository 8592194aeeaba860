import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { seededRandom, systemClock } from '../../src/actors/clock.ts';
import type { Log, Token } from '../../src/actors/contracts/log.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { createNatsLink, type NatsLink } from '../../src/cli/daemon/nats-link.ts';
import { createRecordsDestination, type RecordsDestination } from '../../src/gateway/nats/records-destination.ts';
import { recordsStreamName } from '../../src/gateway/nats/records-stream.ts';
import { cursorFile } from '../../src/gateway/outbox/cursor-store.ts';
import { createOutbox, type Outbox } from '../../src/gateway/outbox/outbox.ts';
import { until } from '../cli/daemon-process.ts';
import { connectTo, type NatsServer, startNatsServer } from './nats-door.ts';

export const OUTBOX_HOST = 'host.one';
export const STREAM = recordsStreamName(OUTBOX_HOST);
export const JETSTREAM = 'jetstream { store_dir: "DIRECTORY/jetstream" }';
export const LIMIT_MS = 30_000;
const clock = systemClock();

/** Appends records of a few instances, as small as a record may be. */
export class RecordWriter {
  readonly #log: Log;
  readonly #heads = new Map<string, { token: Token; version: number }>();
  readonly #random = seededRandom(3, clock);
  /** What was appended, in order. */
  readonly written: { readonly id: string; readonly stream: string; readonly version: number }[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  async append(stream: string, type = 'start', more: object = {}): Promise<string> {
    const head = this.#heads.get(stream);
    const version = (head?.version ?? 0) + 1;
    const id = this.#random.id();
    const record = { id, stream, version, at: clock.now(), event: { type }, facts: [], ...more };
    const result = await this.#log.append(stream, head?.token ?? null, JSON.stringify(record));
    if (result.kind !== 'appended') throw new Error(`not appended: ${JSON.stringify(result)}`);
    this.#heads.set(stream, { token: result.token, version });
    this.written.push({ id, stream, version });
    return id;
  }

  async appendMany(count: number, streams = 3): Promise<void> {
    for (let n = 0; n < count; n++) await this.append(`instance-${n % streams}`, 'vmm.exited');
  }
}

export interface RecordsOutbox {
  readonly outbox: Outbox;
  readonly destination: RecordsDestination;
  readonly told: string[];
}

/** A record as the stream holds it. */
export interface KeptRecord {
  readonly subject: string;
  readonly id: string;
  readonly stream: string;
  readonly version: number;
  readonly position: string;
}

/** A log, an outbox over it, and a nats-server of its own to bring records to. */
export class OutboxScene {
  readonly directory = mkdtempSync(join(tmpdir(), 'statevisor-outbox-'));
  readonly cursorPath = join(this.directory, 'outbox', 'records.json');
  readonly #opened: (() => Promise<unknown>)[] = [];
  log: Log = createMemoryLog();
  writer = new RecordWriter(this.log);
  #server: NatsServer | null = null;

  get server(): NatsServer {
    if (this.#server === null) throw new Error('begin first');
    return this.#server;
  }

  /** A server of that configuration, and the link of a daemon to it. */
  async begin(config = JETSTREAM): Promise<NatsLink> {
    const server = await startNatsServer(config);
    this.#server = server;
    this.#opened.push(() => server.stop());
    const serve = async () => ({ close: async () => {} });
    const about = { address: () => new URL(server.url), clock, tell: () => {}, serve, pongLimitMs: 500 };
    const link = createNatsLink(about);
    this.#opened.push(() => link.close());
    await link.attempted;
    return link;
  }

  open({ connection }: Pick<NatsLink, 'connection'>, seed = 1): RecordsOutbox {
    const told: string[] = [];
    const random = seededRandom(seed, clock);
    const destination = createRecordsDestination({ connection, host: OUTBOX_HOST, logName: 'memory', clock, random });
    const outbox = createOutbox({
      log: this.log,
      destination,
      store: cursorFile(this.cursorPath),
      clock,
      tell: (line) => told.push(line),
      name: 'Outbox',
      begin: 'with_the_first_record',
    });
    this.#opened.push(() => outbox.close());
    return { outbox, destination, told };
  }

  /** Another log takes the place of this one. */
  replaceLog(): void {
    this.log = createMemoryLog();
    this.writer = new RecordWriter(this.log);
  }

  caughtUp({ outbox }: RecordsOutbox): Promise<unknown> {
    return until(
      async () => ({ ...outbox.status(), last: (await this.log.extent()).last }),
      ({ cursor, last }) => cursor === last,
      LIMIT_MS,
    );
  }

  async withClient<T>(act: (client: NatsConnection) => Promise<T>): Promise<T> {
    const client = await connectTo(this.server.url);
    try {
      return await act(client);
    } finally {
      await client.close();
    }
  }

  withManager<T>(act: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    return this.withClient(async (client) => act(await jetstreamManager(client)));
  }

  /** Everything the stream holds, read by a client that knows nothing of the outbox. */
  kept(): Promise<KeptRecord[]> {
    return this.withManager(async (manager) => {
      const { messages } = (await manager.streams.info(STREAM)).state;
      const found: KeptRecord[] = [];
      if (messages === 0) return found;
      const consumer = await manager.jetstream().consumers.get(STREAM);
      for await (const message of await consumer.consume()) {
        found.push({ subject: message.subject, ...message.json<Omit<KeptRecord, 'subject'>>() });
        if (found.length === messages) break;
      }
      return found;
    });
  }

  async close(): Promise<void> {
    for (const close of this.#opened.splice(0).reverse()) await close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
