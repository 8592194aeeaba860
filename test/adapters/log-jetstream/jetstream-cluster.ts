import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { until } from '../../cli/daemon-process.ts';
import { end, launch } from './jetstream-server.ts';

/** Three real nats-servers that keep streams together. */
export interface JetstreamCluster {
  connect(): Promise<NatsConnection>;
  /** Kills one and removes everything it had. */
  lose(index: number): Promise<void>;
  remove(): Promise<void>;
}

const SERVERS = 3;
const READY_LIMIT_MS = 40_000;

export async function startJetstreamCluster(): Promise<JetstreamCluster> {
  const base = mkdtempSync(join(tmpdir(), 'sv-jsc-'));
  const ports = await freePorts(2 * SERVERS);
  const routes = ports.slice(SERVERS).map((port) => `nats://127.0.0.1:${port}`);
  const children: ChildProcess[] = Array.from({ length: SERVERS }, (_, index) => {
    mkdirSync(join(base, String(index)));
    return launch(
      join(base, String(index)),
      [
        'host: "127.0.0.1"',
        `port: ${ports[index]}`,
        `server_name: "server-${index}"`,
        `jetstream { store_dir: "${join(base, String(index), 'store')}" }`,
        `cluster { name: test, host: "127.0.0.1", port: ${ports[SERVERS + index]}, routes: [${routes.join(', ')}] }`,
        '',
      ].join('\n'),
    );
  });
  const open = (): Promise<NatsConnection> =>
    connect({
      servers: ports.slice(0, SERVERS).map((port) => `127.0.0.1:${port}`),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      noAsyncTraces: true,
    });
  await until(() => hasLeader(open), Boolean, READY_LIMIT_MS);
  return {
    connect: open,
    lose: async (index) => {
      await end(children[index]!, 'SIGKILL');
      rmSync(join(base, String(index)), { recursive: true, force: true });
    },
    remove: async () => {
      await Promise.all(children.map((child) => end(child, 'SIGKILL')));
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** Streams can be made once the servers have agreed on who leads them. */
async function hasLeader(open: () => Promise<NatsConnection>): Promise<boolean> {
  const connection = await open().catch(() => null);
  if (connection === null) return false;
  try {
    const manager = await jetstreamManager(connection, { timeout: 1_000 });
    await manager.streams.add({ name: 'probe', subjects: ['probe'], num_replicas: SERVERS });
    return await manager.streams.delete('probe');
  } catch {
    return false;
  } finally {
    await connection.close();
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
