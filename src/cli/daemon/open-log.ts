import { hostname } from 'node:os';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { Log } from '../../actors/contracts/log.ts';
import { LogOpenError } from '../../actors/contracts/log-error.ts';
import { type JetstreamLog, openJetstreamLog } from '../../adapters/log-jetstream/jetstream-log.ts';
import { createMemoryLog } from '../../adapters/log-memory/memory-log.ts';
import { openSqliteLog } from '../../adapters/log-sqlite/sqlite-log.ts';
import type { DataDirectory } from '../data-directory.ts';
import type { Closers } from './closers.ts';
import { connectionOptions } from './nats-link.ts';
import { findNatsServer, type NatsServer } from './nats-server.ts';

export type LogChoice = 'sqlite' | 'memory' | 'jetstream';

/** What an acknowledged record survives, in plain words. */
export const SURVIVAL: Readonly<Record<Log['survives'], string>> = {
  nothing: 'live only as long as this process',
  process: 'survive the end of every process, not a crash of the operating system',
  os: 'survive a crash of the operating system',
  node: 'survive the loss of this machine',
};

export interface LogSettings {
  readonly log: LogChoice;
  /** Of a log on JetStream; not given: that of this host. */
  readonly log_name?: string | null;
  /** Servers that keep each record; not given: as the stream is, and 1 for a new one. */
  readonly log_replicas?: 1 | 3 | null;
  readonly nats: string;
  readonly say: (line: string) => void;
}

export interface LogParts {
  readonly directory: DataDirectory;
  readonly clock: Clock;
  readonly random: Random;
  readonly closers: Closers;
  readonly tell: (line: string) => void;
}

export interface OpenedLog {
  readonly log: Log;
  /** Tells it from every other log that this data directory may be used with; fit for a file's name. */
  readonly logName: string;
  /** The server it lies on, which the NATS door then uses too; null when it lies on none. */
  readonly server: NatsServer | null;
  /** Resolves with who has taken the log over, if that ever happens. */
  readonly superseded: Promise<string>;
}

const NEVER: Promise<never> = new Promise(() => {});
/** Characters of a log's name, and what a host's name has besides those it may have. */
const LOG_NAME_MAX = 64;
const NOT_IN_LOG_NAMES = /[^A-Za-z0-9_-]/g;
const RECONNECT_DELAY_MS = 250;

/** Opens the log that is wanted, and sees to its end. */
export async function openLog(settings: LogSettings, parts: LogParts): Promise<OpenedLog> {
  const { directory, clock, closers } = parts;
  if (settings.log === 'jetstream') return openOnServer(settings, parts);
  const log = settings.log === 'memory' ? createMemoryLog() : await openSqliteLog({ directory: directory.log, clock });
  closers.add(() => log.close(), 'log');
  return { log, logName: settings.log, server: null, superseded: NEVER };
}

/** The name of this host's log: that of the host, as far as a log's name can be it. */
export function logNameOf(host: string): string {
  return host.replaceAll(NOT_IN_LOG_NAMES, '_').slice(0, LOG_NAME_MAX);
}

async function openOnServer(settings: LogSettings, parts: LogParts): Promise<OpenedLog> {
  const { directory, closers } = parts;
  const server = await findNatsServer({ ...settings, ...parts, directory: directory.nats });
  if (server === null) {
    throw new LogOpenError('log_unreachable', directory.log, 'A log on JetStream needs a NATS server: see --nats.');
  }
  let connection: NatsConnection | null = null;
  try {
    connection = await connectTo(server);
    const name = settings.log_name ?? logNameOf(hostname());
    const log = await openJetstream({ ...settings, log_name: name }, parts, connection);
    closeInOrder(closers, { server, connection, log });
    return { log, logName: `jetstream-${name}`, server, superseded: log.superseded };
  } catch (error) {
    await connection?.close();
    // Another daemon may live on the server that was there already.
    await (server.adopted ? server.leave() : server.stop());
    throw error;
  }
}

function openJetstream(
  { log_name: name, log_replicas }: LogSettings & { readonly log_name: string },
  { clock, random }: LogParts,
  connection: NatsConnection,
): Promise<JetstreamLog> {
  const replicas = log_replicas ?? undefined;
  return openJetstreamLog({ connection, name, host: hostname(), clock, random, replicas });
}

/** The log before its connection, and the server last of all; whoever lost the log leaves the server to the successor. */
function closeInOrder(
  closers: Closers,
  { server, connection, log }: { server: NatsServer; connection: NatsConnection; log: JetstreamLog },
): void {
  const lost = (): boolean => log.state().mode === 'not_owner';
  closers.add(() => (lost() ? server.leave() : server.stop()), 'nats-server');
  closers.add(() => connection.close(), 'connection of the log');
  closers.add(() => log.close(), 'log');
}

/** A connection of the log's own: nothing that goes through the doors holds it up. */
async function connectTo(server: NatsServer): Promise<NatsConnection> {
  const { url } = server.status();
  const address = server.address();
  try {
    if (address === null) throw new Error('it has not started');
    return await connect({
      ...connectionOptions(address),
      name: 'statevisor-log',
      reconnectTimeWait: RECONNECT_DELAY_MS,
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `The ${server.mode} NATS server ${url ?? ''} that is to keep the log cannot be reached: ${why}.`;
    throw new LogOpenError('log_unreachable', String(url), message);
  }
}
