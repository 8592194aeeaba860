import type { Closers } from './closers.ts';
import { createNatsLink, type NatsLink, type NatsLinkOptions } from './nats-link.ts';
import { findNatsServer, type NatsServer, type NatsServerOptions } from './nats-server.ts';

/** The daemon's link to its nats-server. */

export interface OpenNats {
  readonly mode: 'private' | 'named';
  readonly link: NatsLink;
  /** With credentials: it stands in a file only the owner may read. Null while a private server has not started. */
  readonly url: () => string | null;
  /** What the host tells about it, without credentials. */
  readonly status: () => object;
}

export interface NatsOptions extends NatsServerOptions {
  /** The server, when somebody has found it before and ends it afterwards. */
  readonly server: NatsServer | null;
  readonly closers: Closers;
  readonly serve: NatsLinkOptions['serve'];
}

/** A server that takes a connection and then stands still does not hold up the start for longer. */
const START_WAIT_MS = 5_000;

/** Null when there is none to talk to. A server that is named and not there is waited for in the background. */
export async function openNats(options: NatsOptions): Promise<OpenNats | null> {
  const server = options.server ?? (await findNatsServer(options));
  if (server === null) return null;
  if (options.server === null) options.closers.add(() => server.stop(), 'nats-server');
  const link = await openLink(options, server.address);
  const { state, last_error } = link.status();
  if (state !== 'connected') {
    const where = server.status().url ?? 'the private server';
    options.say(
      `NATS: ${where} is not there (${last_error ?? 'no answer'}); the daemon runs on and connects when it comes.`,
    );
  }
  const status = (): object => {
    const { url, ...more } = server.status();
    return { mode: server.mode, url, ...link.status(), ...more };
  };
  return { mode: server.mode, link, url: () => server.address()?.href ?? null, status };
}

async function openLink(
  { clock, tell, serve, closers }: NatsOptions,
  address: NatsLinkOptions['address'],
): Promise<NatsLink> {
  const link = createNatsLink({ address, clock, tell, serve });
  closers.add(() => link.close(), 'NATS link');
  const enough = new AbortController();
  await Promise.race([link.attempted, clock.sleep(START_WAIT_MS, enough.signal)]);
  enough.abort();
  return link;
}
