import type { NatsConnection } from '@nats-io/transport-node';
import { seededRandom, systemClock } from '../../../src/actors/clock.ts';
import type { LogState } from '../../../src/actors/contracts/log.ts';
import {
  type JetstreamLog,
  type JetstreamLogOptions,
  openJetstreamLog,
} from '../../../src/adapters/log-jetstream/jetstream-log.ts';
import { until } from '../../cli/daemon-process.ts';
import { connectTo, type JetstreamServer, type ServerSettings, startJetstreamServer } from './jetstream-server.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** A server, a proxy before it, and logs that are opened through either; everything is closed at the end. */
export interface LogScene {
  readonly server: JetstreamServer;
  readonly proxy: TcpProxy;
  open(options?: Partial<JetstreamLogOptions> & { readonly throughProxy?: boolean }): Promise<JetstreamLog>;
  connect(): Promise<NatsConnection>;
  close(): Promise<void>;
}

const STATE_LIMIT_MS = 20_000;

export async function openLogScene(settings?: ServerSettings): Promise<LogScene> {
  const server = await startJetstreamServer(settings);
  const proxy = await startTcpProxy(server.url);
  const clock = systemClock();
  const random = seededRandom(1, clock);
  const connections: NatsConnection[] = [];
  const logs: JetstreamLog[] = [];
  const connect = async (url: string): Promise<NatsConnection> => {
    const connection = await connectTo(url);
    connections.push(connection);
    return connection;
  };
  return {
    server,
    proxy,
    connect: () => connect(server.url),
    open: async ({ throughProxy = false, ...options } = {}) => {
      const connection = await connect(throughProxy ? proxy.url : server.url);
      const log = await openJetstreamLog({ connection, name: 'log', host: 'here', clock, random, ...options });
      logs.push(log);
      return log;
    },
    close: async () => {
      // Connections first: a server that was stopped or starved would keep a log that wants to say goodbye.
      await Promise.all(connections.map((connection) => connection.close()));
      await Promise.all(logs.map((log) => log.close()));
      await proxy.close();
      await server.remove();
    },
  };
}

export function untilMode(log: JetstreamLog, mode: LogState['mode']): Promise<LogState> {
  return until(
    () => log.state(),
    (state) => state.mode === mode,
    STATE_LIMIT_MS,
  );
}
