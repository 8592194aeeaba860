import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { seededRandom, systemClock } from '../../src/actors/clock.ts';
import { createNatsGateway } from '../../src/gateway/nats/nats-gateway.ts';
import { subjectOf } from '../../src/gateway/nats/subjects.ts';
import { type Door, type DoorAnswer, GRANTS, type Sending, TOKENS } from '../contracts/door.world.ts';
import { HOST, type Scene } from './gateway-scene.ts';

const START_LIMIT_MS = 20_000;
const LOOK_MS = 20;
const REPLY_LIMIT_MS = 30_000;

/** What the tests' micro service tells about itself. */
export const SERVICE = { version: '1.2.3', metadata: { host: HOST, log: 'memory', survives: 'process' } } as const;

/** A nats-server of the tests' own, on a free loopback port. */
export interface NatsServer {
  readonly url: string;
  /** `DIRECTORY` in its configuration. */
  readonly directory: string;
  /** Ends it and starts it again on the same port. */
  restart(how?: NodeJS.Signals): Promise<void>;
  /** Ends it; `start` brings it back on the same port. */
  end(how?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP makes it stand still, SIGCONT go on. */
  signal(name: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** `config` is text of its configuration file, beside its address. */
export async function startNatsServer(config = ''): Promise<NatsServer> {
  const directory = mkdtempSync(join(tmpdir(), 'statevisor-nats-'));
  writeFileSync(join(directory, 'server.conf'), config.replaceAll('DIRECTORY', directory));
  let child = launch(directory, '-1');
  const port = new URL(await urlOf(directory, child)).port;
  const start = async (): Promise<void> => {
    child = launch(directory, port);
    await urlOf(directory, child);
  };
  return {
    url: `nats://127.0.0.1:${port}`,
    directory,
    restart: async (how) => {
      await end(child, how);
      await start();
    },
    end: (how) => end(child, how),
    start,
    signal: (name) => child.kill(name),
    stop: async () => {
      child.kill('SIGCONT');
      await end(child);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function launch(directory: string, port: string): ChildProcess {
  const flags = ['-c', join(directory, 'server.conf'), '-a', '127.0.0.1', '-p', port, '--ports_file_dir', directory];
  return spawn('nats-server', flags, { stdio: 'ignore' });
}

async function end(child: ChildProcess, how: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(how);
  await ended;
}

async function urlOf(directory: string, child: ChildProcess): Promise<string> {
  const clock = systemClock();
  const file = join(directory, `nats-server_${child.pid}.ports`);
  for (let waited = 0; waited < START_LIMIT_MS; waited += LOOK_MS) {
    const url = urlIn(file);
    if (url !== null) return url;
    await clock.sleep(LOOK_MS);
  }
  throw new Error(`nats-server wrote no ${file}.`);
}

function urlIn(file: string): string | null {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { nats: string[] }).nats[0] ?? null;
  } catch {
    return null;
  }
}

export function connectTo(url: string): Promise<NatsConnection> {
  return connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50, noAsyncTraces: true });
}

/** The NATS door with a client beside it; half of the verbs go to the host by name. */
export async function openNatsDoor(scene: Scene, url: string): Promise<Door> {
  const [connection, client] = await Promise.all([connectTo(url), connectTo(url)]);
  const random = seededRandom(13, scene.clock);
  const gateway = await createNatsGateway({
    useCases: scene.useCases,
    tokens: GRANTS,
    connection,
    host: HOST,
    service: SERVICE,
    clock: scene.clock,
    random,
  });
  return {
    send: (verb, input, how) => {
      const subject = verb.length % 2 === 0 ? subjectOf(verb) : subjectOf(verb, HOST);
      return ask(client, subject, new TextEncoder().encode(JSON.stringify(input)), how);
    },
    sendBytes: (bytes, how) => ask(client, subjectOf('create'), bytes, how),
    close: async () => {
      await gateway.close();
      await Promise.all([connection.close(), client.close()]);
    },
  };
}

export async function ask(
  client: NatsConnection,
  subject: string,
  bytes: Uint8Array,
  how: Sending = {},
): Promise<DoorAnswer> {
  const token = how.token === undefined ? TOKENS.operator : how.token;
  const lines = headers();
  if (token !== null) lines.set('Authorization', `Bearer ${token}`);
  if (how.commandId !== undefined) lines.set('Nats-Msg-Id', how.commandId);
  if (how.correlation !== undefined) lines.set('X-Request-Id', how.correlation);
  if (how.trace !== undefined) lines.set('traceparent', how.trace);
  return answerIn(await client.request(subject, bytes, { timeout: REPLY_LIMIT_MS, headers: lines }));
}

function answerIn(reply: Msg): DoorAnswer {
  const line = (name: string): string | null => (reply.headers?.has(name) ? reply.headers.get(name) : null);
  return {
    status: Number(line('Statevisor-Status')),
    body: reply.json(),
    host: line('Statevisor-Host'),
    position: line('Statevisor-Position'),
    version: line('Statevisor-Version'),
    outcome: line('Statevisor-Outcome'),
    correlation: line('X-Request-Id'),
  };
}
