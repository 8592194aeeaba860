import type { Clock, Random } from '../../actors/contracts/clock.ts';
import { type PrivateNats, startPrivateNats } from './private-nats.ts';

/** The nats-server of this daemon: a named one, or its own child. Who needs it before the door does finds it first. */
export interface NatsServer {
  readonly mode: 'named' | 'private';
  /** With credentials; null while a private server has not started. */
  readonly address: () => URL | null;
  /** What the host tells about it, without credentials. */
  readonly status: () => { readonly url: string | null };
  /** True for a private one that ran before this daemon did: somebody else may be using it. */
  readonly adopted: boolean;
  /** Ends a private one. */
  stop(): Promise<void>;
  /** Looks after a private one no more and lets it run. */
  leave(): Promise<void>;
}

export interface NatsServerOptions {
  /** `auto`, `off`, or the URL of a server. */
  readonly nats: string;
  /** Directory of a private server. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  /** To the person who starts it. */
  readonly say: (line: string) => void;
  /** To whoever reads the log of the daemon. */
  readonly tell: (line: string) => void;
}

const PROTOCOLS: readonly string[] = ['nats:', 'tls:'];

/** Null when there is none to talk to. A named one need not be there yet. */
export async function findNatsServer(options: NatsServerOptions): Promise<NatsServer | null> {
  const { nats, say } = options;
  const named = nats === 'auto' ? process.env.NATS_URL : nats;
  if (named === 'off') return null;
  if (named !== undefined) return namedServer(parseNatsUrl(named));
  const server = await startPrivateNats(options);
  if (server !== null) return privateServer(server);
  say('NATS: off, no nats-server is installed.');
  return null;
}

function namedServer(url: URL): NatsServer {
  const nothing = async (): Promise<void> => {};
  return {
    mode: 'named',
    address: () => url,
    status: () => ({ url: withoutCredentials(url) }),
    adopted: false,
    stop: nothing,
    leave: nothing,
  };
}

function privateServer(server: PrivateNats): NatsServer {
  return {
    mode: 'private',
    address: () => addressOf(server),
    status: () => ({ url: server.server(), server: server.status() }),
    adopted: server.adopted,
    stop: () => server.stop(),
    leave: () => server.leave(),
  };
}

function addressOf(server: PrivateNats): URL | null {
  const text = server.server();
  if (text === null) return null;
  const url = new URL(text);
  url.username = server.user;
  url.password = server.password;
  return url;
}

/** Throws a sentence that says what was expected; the text itself may hold a password and is not repeated. */
export function parseNatsUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && PROTOCOLS.includes(url.protocol) && url.host !== '') return url;
  throw new Error(
    'The NATS server must be given as auto, off, or a URL such as nats://user:password@host:4222 (or tls://).',
  );
}

export function withoutCredentials(url: URL): string {
  return `${url.protocol}//${url.host}`;
}
