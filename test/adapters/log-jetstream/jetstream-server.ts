import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { systemClock } from '../../../src/actors/clock.ts';
import { until } from '../../cli/daemon-process.ts';

/** A real nats-server with JetStream in a directory of its own, for tests that stop, kill and starve it. */

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 30_000;
const LOOK_MS = 20;
/** The contract keeps texts of a mebibyte. */
const MAX_PAYLOAD = 4_194_304;

export interface JetstreamServer {
  readonly url: string;
  connect(): Promise<NatsConnection>;
  /** `SIGSTOP` and `SIGCONT`. */
  signal(signal: NodeJS.Signals): void;
  /** Has it stand still; settles once every thread of it does, which takes a moment on a busy machine. */
  standStill(): Promise<void>;
  kill(): Promise<void>;
  /** Starts it again on the same directory and port. */
  start(): Promise<void>;
  /** Ends it and removes its directory. */
  remove(): Promise<void>;
}

export interface ServerSettings {
  readonly maxPayload?: number;
  /** Lines more for the `jetstream` part of the configuration. */
  readonly limits?: string;
}

export async function startJetstreamServer(settings: ServerSettings = {}): Promise<JetstreamServer> {
  const directory = mkdtempSync(join(tmpdir(), 'sv-js-'));
  const { maxPayload = MAX_PAYLOAD, limits = '' } = settings;
  const config = (port: string): string =>
    [
      'host: "127.0.0.1"',
      `port: ${port}`,
      `jetstream { store_dir: "${join(directory, 'store')}"\n${limits} }`,
      `ports_file_dir: "${directory}"`,
      `max_payload: ${maxPayload}`,
      '',
    ].join('\n');
  let child = launch(directory, config('-1'));
  const url = await urlOf(directory, child);
  return {
    url,
    connect: () => connectTo(url),
    signal: (signal) => void child.kill(signal),
    standStill: async () => {
      child.kill('SIGSTOP');
      await until(() => threadsOf(child).every((state) => state === 'T'), Boolean, STOP_LIMIT_MS);
    },
    kill: () => end(child, 'SIGKILL'),
    start: async () => {
      child = launch(directory, config(new URL(url).port));
      await urlOf(directory, child);
    },
    remove: async () => {
      await end(child, 'SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function connectTo(url: string): Promise<NatsConnection> {
  return connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50, noAsyncTraces: true });
}

export function launch(directory: string, config: string): ChildProcess {
  const file = join(directory, 'server.conf');
  writeFileSync(file, config);
  return spawn('nats-server', ['-c', file], { stdio: 'ignore' });
}

export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

/** The state of each thread, as the kernel writes it. */
function threadsOf({ pid }: ChildProcess): string[] {
  return readdirSync(`/proc/${pid}/task`).map(
    (thread) => /\) (\S)/.exec(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'))?.[1] ?? '',
  );
}

async function urlOf(directory: string, child: ChildProcess): Promise<string> {
  const clock = systemClock();
  const file = join(directory, `nats-server_${child.pid}.ports`);
  for (let waited = 0; waited < START_LIMIT_MS; waited += LOOK_MS) {
    try {
      const url = (JSON.parse(readFileSync(file, 'utf8')) as { nats: string[] }).nats[0];
      if (url !== undefined) return url;
    } catch {
      // Not written yet.
    }
    await clock.sleep(LOOK_MS);
  }
  throw new Error(`nats-server wrote no ${file}.`);
}
