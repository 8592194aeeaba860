import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { Closers } from './closers.ts';
import { createNatsLink, type NatsLink, type NatsLinkOptions } from './nats-link.ts';
import { type PrivateNats, startPrivateNats } from './private-nats.ts';

/** The daemon's link to a nats-server: a named one, or its own child. */

export interface OpenNats {
  readonly mode: 'private' | 'named';
  readonly link: NatsLink;
  /** With credentials: it stands in a file only the owner may read. Null while a private server has not started. */
  readonly url: () => string | null;
  /** What the host tells about it, without credentials. */
  readonly status: () => object;
}

export interface NatsOptions {
  /** `auto`, `off`, or the URL of a server. */
  readonly nats: string;
  /** Directory of a private server. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly closers: Closers;
  /** To the person who starts it. */
  readonly say: (line: string) => void;
  /** To whoever reads the log of the daemon. */
  readonly tell: (line: string) => void;
  readonly serve: NatsLinkOptions['serve'];
}

/** A server that takes a connection and then stands still does not hold up the start for longer. */
const START_WAIT_MS = 5_000;

const PROTOCOLS: readonly string[] = ['nats:', 'tls:'];

/** Null when there is none to talk to. A server that is named and not there is waited for in the background. */
export async function openNats(options: NatsOptions): Promise<OpenNats | null> {
  const { nats, say, closers } = options;
  const named = nats === 'auto' ? process.env.NATS_URL : nats;
  if (named === 'off') return null;
  if (named !== undefined) {
    const url = parseNatsUrl(named);
    const link = await openLink(options, () => url);
    const status = (): object => ({ mode: 'named', url: withoutCredentials(url), ...link.status() });
    return { mode: 'named', link, url: () => url.href, status };
  }
  const server = await startPrivateNats(options);
  if (server === null) {
    say('NATS: off, no nats-server is installed.');
    return null;
  }
  closers.add(() => server.stop());
  const address = (): URL | null => addressOf(server);
  const link = await openLink(options, address);
  const status = (): object => {
    return { mode: 'private', url: server.server(), ...link.status(), server: server.status() };
  };
  return { mode: 'private', link, url: () => address()?.href ?? null, status };
}

async function openLink({ clock, tell, serve, closers }: NatsOptions, address: () => URL | null): Promise<NatsLink> {
  const link = createNatsLink({ address, clock, tell, serve });
  closers.add(() => link.close());
  const enough = new AbortController();
  await Promise.race([link.attempted, clock.sleep(START_WAIT_MS, enough.signal)]);
  enough.abort();
  return link;
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
