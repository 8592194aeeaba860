import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { Closers } from './closers.ts';
import { type PrivateNats, startPrivateNats } from './private-nats.ts';

/** The daemon's connection to a nats-server: a named one, or its own child. */

export interface OpenNats {
  readonly connection: NatsConnection;
  /** With credentials: it stands in a file only the owner may read. */
  readonly url: string;
}

export interface NatsOptions {
  /** `auto`, `off`, or the URL of a server. */
  readonly nats: string;
  /** Directory of a private server. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly closers: Closers;
  readonly say: (line: string) => void;
}

/** Null when there is none to talk to. */
export async function openNats({
  nats,
  directory,
  clock,
  random,
  closers,
  say,
}: NatsOptions): Promise<OpenNats | null> {
  const named = nats === 'auto' ? process.env.NATS_URL : nats;
  if (named === 'off') return null;
  if (named !== undefined) return connectTo(new URL(named), closers);
  const server = await startPrivateNats(directory, clock, random);
  if (server === null) {
    say('NATS: off, no nats-server is installed.');
    return null;
  }
  closers.add(() => server.stop());
  return connectTo(withCredentials(server), closers);
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
