import { hostname } from 'node:os';
import type { NatsConnection } from '@nats-io/transport-node';
import { connect } from '@nats-io/transport-node';
import pino from 'pino';
import { systemClock, systemRandom } from '../actors/clock.ts';
import type { Clock, Random } from '../actors/contracts/clock.ts';
import type { Log } from '../actors/contracts/log.ts';
import { createSupervisor } from '../actors/create-supervisor.ts';
import type { FaultInjector } from '../actors/fault-points.ts';
import type { Supervisor } from '../actors/supervisor.ts';
import { createMemoryLog } from '../adapters/log-memory/memory-log.ts';
import { openSqliteLog } from '../adapters/log-sqlite/sqlite-log.ts';
import { buildDemoImage } from '../adapters/qemu/image/build-demo.ts';
import { openImageStore } from '../adapters/qemu/image/store.ts';
import { createHttpGateway } from '../gateway/http/http-gateway.ts';
import { createNatsGateway } from '../gateway/nats/nats-gateway.ts';
import { createUseCases } from '../gateway/use-cases/use-cases.ts';
import { createInstances } from '../projections/instances.ts';
import { chooseHypervisor, type HypervisorChoice } from './choose-hypervisor.ts';
import {
  type DataDirectory,
  dataDirectory,
  type Endpoints,
  ensureDataDirectory,
  ensureToken,
  removeEndpoints,
  writeEndpoints,
} from './data-directory.ts';
import { type PrivateNats, startPrivateNats } from './nats-server.ts';

/** The one place that wires log, hypervisor, runtime, projections and doors into a daemon. */

export interface DaemonOptions {
  readonly data: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** `auto`, `off`, or the URL of a server. */
  readonly nats: string;
  readonly hypervisor: HypervisorChoice;
  readonly log: 'sqlite' | 'memory';
  /** Lines for the person who started it. */
  readonly say: (line: string) => void;
  /** Only tests inject these. */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly faults?: FaultInjector;
}

export interface Daemon {
  readonly endpoints: Endpoints;
  readonly supervisor: Supervisor;
  /** Stops taking commands, waits for what is under way, leaves VMs running. */
  close(): Promise<void>;
}

const DEMO_IMAGE = 'demo';
const SURVIVAL: Readonly<Record<Log['survives'], string>> = {
  process: 'live only as long as this process',
  os: 'survive a crash of the operating system',
  node: 'survive the loss of this machine',
};

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const clock = options.clock ?? systemClock();
  const random = options.random ?? systemRandom();
  const directory = dataDirectory(options.data);
  ensureDataDirectory(directory);
  const closers = new Closers();
  try {
    return await assemble(options, { clock, random, directory, closers });
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

interface Parts {
  readonly clock: Clock;
  readonly random: Random;
  readonly directory: DataDirectory;
  readonly closers: Closers;
}

async function assemble(options: DaemonOptions, parts: Parts): Promise<Daemon> {
  const { clock, random, directory, closers } = parts;
  const logger = pino({ name: 'statevisor', base: undefined }, pino.destination(2));
  const log = await openLog(options, parts);
  closers.add(() => log.close());
  const token = ensureToken(directory, random);
  const { hypervisor, reason } = chooseHypervisor(options.hypervisor, directory, {
    clock,
    random,
    log: (line) => logger.debug(line),
  });
  closers.add(() => hypervisor.close());
  options.say(`Hypervisor: ${reason}. Log: ${options.log}; acknowledged records ${SURVIVAL[log.survives]}.`);
  if (hypervisor.name === 'qemu') await buildDemoOnce(directory, clock, options.say);
  const instances = createInstances();
  const supervisor = await createSupervisor({
    log,
    hypervisor,
    clock,
    random,
    faults: options.faults,
    onRecord: (published) => instances.apply(published),
    report: ({ instance, message, error }) => logger.error({ instance, err: error }, message),
  });
  closers.add(() => supervisor.close());
  const host = hostname();
  const useCases = createUseCases({ supervisor, instances, clock, host, checkImage: hypervisor.checkImage });
  const tokens = [{ token, actor: 'admin', scopes: ['admin'] as const }];
  const http = await createHttpGateway({ useCases, tokens, listen: options.listen, random, logger });
  closers.add(() => http.close());
  const nats = await openNats(options, parts);
  if (nats !== null) {
    const door = await createNatsGateway({ useCases, tokens, connection: nats.connection, host, random, logger });
    closers.add(() => door.close());
  }
  const endpoints = { pid: process.pid, http: http.url, nats: nats?.url ?? null, token_file: directory.tokenFile };
  writeEndpoints(directory, endpoints);
  closers.add(async () => removeEndpoints(directory));
  return { endpoints, supervisor, close: () => closers.closeAll() };
}

async function openLog(options: DaemonOptions, { clock, directory }: Parts): Promise<Log> {
  return options.log === 'memory' ? createMemoryLog() : openSqliteLog({ directory: directory.log, clock });
}

/** Only a missing part of the machine keeps it from being built; VMs of other images do not need it. */
async function buildDemoOnce(directory: DataDirectory, clock: Clock, say: (line: string) => void): Promise<void> {
  const found = await openImageStore(directory.images).find(DEMO_IMAGE);
  if ('image' in found) return;
  try {
    const { milliseconds } = await buildDemoImage({ imagesDirectory: directory.images, clock });
    say(`Image demo built in ${milliseconds} ms.`);
  } catch (error) {
    say(`Image demo could not be built: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

interface OpenNats {
  readonly connection: NatsConnection;
  /** With credentials: it stands in a file only the owner may read. */
  readonly url: string;
}

async function openNats(options: DaemonOptions, parts: Parts): Promise<OpenNats | null> {
  const named = options.nats === 'auto' ? process.env.NATS_URL : options.nats;
  if (named === 'off') return null;
  if (named !== undefined) return connectTo(new URL(named), parts.closers);
  const server = await startPrivateNats(parts.directory.nats, parts.clock, parts.random);
  if (server === null) {
    options.say('NATS: off, no nats-server is installed.');
    return null;
  }
  parts.closers.add(() => server.stop());
  return connectTo(withCredentials(server), parts.closers);
}

function withCredentials({ server, user, password }: PrivateNats): URL {
  const url = new URL(server);
  url.username = user;
  url.password = password;
  return url;
}

async function connectTo(url: URL, closers: Closers): Promise<OpenNats> {
  const credentials = url.username === '' ? {} : { user: url.username, pass: url.password };
  const connection = await connect({
    servers: url.host,
    ...credentials,
    name: 'statevisor',
    maxReconnectAttempts: -1,
    noAsyncTraces: true,
  });
  closers.add(() => connection.drain());
  return { connection, url: url.href };
}

/** Ends what was opened, newest first; one that fails does not keep the others open. */
class Closers {
  readonly #closers: (() => Promise<unknown>)[] = [];

  add(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  async closeAll(): Promise<void> {
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      await close().catch(() => {});
    }
  }
}
