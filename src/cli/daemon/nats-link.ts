import { type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../../actors/contracts/clock.ts';
import { toRfc3339 } from '../../projections/instants.ts';

/**
 * The daemon's connection to a nats-server, kept for as long as the daemon runs. Nothing of the daemon waits for it: a
 * server that is not there, goes away or stands still is told, and found again when it is back.
 */

export type NatsState =
  /** Never reached so far. */
  | 'connecting'
  | 'connected'
  /** The connection stands and nothing comes back. */
  | 'not_answering'
  | 'disconnected'
  | 'closed';

export interface NatsStatus {
  readonly state: NatsState;
  /** RFC 3339. */
  readonly since: string;
  /** How often a lost connection was found again. */
  readonly reconnects: number;
  /** Whether the server offers JetStream; null while nobody knows. */
  readonly jetstream: boolean | null;
  readonly last_error: string | null;
}

export interface NatsLink {
  /** The connection, while the server answers on it. */
  connection(): NatsConnection | null;
  status(): NatsStatus;
  /** Resolves when the first attempt to connect has ended, well or not. */
  readonly attempted: Promise<void>;
  /** Bounded, whatever the server does. */
  close(): Promise<void>;
}

export interface NatsLinkOptions {
  /** Where to connect, looked up before each attempt; null while that is not known yet. */
  readonly address: () => URL | null;
  readonly clock: Clock;
  /** Hears what the operator should know. */
  readonly tell: (line: string) => void;
  /** Called for each new connection, before it counts as connected. What it returns is closed before the connection is. */
  readonly serve: (connection: NatsConnection) => Promise<{ close(): Promise<void> }>;
  /** How long a server may take for a PONG. */
  readonly pongLimitMs?: number;
}

/** Before the next attempt at a server that was never reached; doubles up to the longest. */
export const CONNECT_DELAY_MIN_MS = 100;
export const CONNECT_DELAY_MAX_MS = 5_000;
const CONNECT_LIMIT_MS = 2_000;
/** Between attempts at a server that was reached before, and before a connection that failed otherwise is made anew. */
const RECONNECT_DELAY_MS = 500;
/** How often a server is asked whether it answers, and how long it may take. */
export const PING_EVERY_MS = 5_000;
export const PONG_LIMIT_MS = 5_000;
const CLOSE_LIMIT_MS = 1_000;

export function createNatsLink(options: NatsLinkOptions): NatsLink {
  const link = new Link(options);
  return {
    connection: () => link.connection(),
    status: () => link.status(),
    attempted: link.attempted,
    close: () => link.close(),
  };
}

class Link implements NatsLink {
  readonly attempted: Promise<void>;
  readonly #options: NatsLinkOptions;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  readonly #hasAttempted = Promise.withResolvers<void>();
  #connection: NatsConnection | null = null;
  #state: NatsState = 'connecting';
  #sinceMs: number;
  #reconnects = 0;
  #lastError: string | null = null;

  constructor(options: NatsLinkOptions) {
    this.#options = options;
    this.#sinceMs = options.clock.now();
    this.attempted = this.#hasAttempted.promise;
    this.#running = this.#run();
  }

  connection(): NatsConnection | null {
    return this.#state === 'connected' ? this.#connection : null;
  }

  status(): NatsStatus {
    return {
      state: this.#state,
      since: toRfc3339(this.#sinceMs),
      reconnects: this.#reconnects,
      jetstream: this.#connection?.info === undefined ? null : (this.#connection.info.jetstream ?? false),
      last_error: this.#lastError,
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  /** One turn for each connection: a client keeps its own alive, so a second turn is rare. */
  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const connection = await this.#connect();
      if (connection === null) break;
      await this.#use(connection).catch((error: unknown) => this.#note(error));
      await this.#leave(connection);
      await this.#options.clock.sleep(RECONNECT_DELAY_MS, signal);
    }
    this.#hasAttempted.resolve();
    this.#enter('closed');
  }

  /** Tries until it works; null when the link is closed before. */
  async #connect(): Promise<NatsConnection | null> {
    const { address, clock, tell } = this.#options;
    const { signal } = this.#closing;
    let delayMs = CONNECT_DELAY_MIN_MS;
    let told = false;
    while (!signal.aborted) {
      try {
        const url = address();
        if (url !== null) return await connect(connectionOptions(url));
        this.#note(new Error('the server has not started'));
      } catch (error) {
        this.#note(error);
      }
      if (!told) tell(`NATS: no connection (${this.#lastError}); everything else goes on, and it is tried again.`);
      told = true;
      this.#hasAttempted.resolve();
      await clock.sleep(delayMs, signal);
      delayMs = Math.min(delayMs * 2, CONNECT_DELAY_MAX_MS);
    }
    return null;
  }

  /** Serves on a connection until it ends for good, or the link is closed. */
  async #use(connection: NatsConnection): Promise<void> {
    const ended = new AbortController();
    const end = (): void => ended.abort();
    this.#closing.signal.addEventListener('abort', end, { once: true });
    void connection.closed().then(end);
    const serving = this.#options.serve(connection);
    try {
      if ((await Promise.race([serving, aborted(ended.signal)])) === undefined) return;
      this.#connection = connection;
      const late = this.#state !== 'connecting' || this.#lastError !== null;
      this.#enter('connected');
      if (late) this.#options.tell('NATS: connected.');
      this.#hasAttempted.resolve();
      void this.#follow(connection, ended.signal);
      await this.#ping(connection, ended.signal);
    } finally {
      this.#closing.signal.removeEventListener('abort', end);
      await serving.then(
        (door) => door.close(),
        () => {},
      );
    }
  }

  async #follow(connection: NatsConnection, signal: AbortSignal): Promise<void> {
    for await (const status of connection.status()) {
      if (signal.aborted) return;
      if (status.type === 'disconnect' || status.type === 'staleConnection') this.#lose('disconnected');
      if (status.type === 'error') this.#note(status.error);
      if (status.type === 'reconnect') this.#regain();
    }
  }

  /** One question at a time: a server that stands still is not written to again and again. */
  async #ping(connection: NatsConnection, signal: AbortSignal): Promise<void> {
    const { clock, pongLimitMs = PONG_LIMIT_MS } = this.#options;
    while (await clock.sleep(Math.min(PING_EVERY_MS, pongLimitMs), signal)) {
      const cancel = clock.after(pongLimitMs, () => {
        if (this.#state === 'connected') this.#lose('not_answering');
      });
      const answered = connection.flush().then(
        () => true,
        () => false,
      );
      const came = await Promise.race([answered, aborted(signal)]);
      cancel();
      if (came === true && this.#state === 'not_answering') this.#regain();
    }
  }

  #lose(state: 'disconnected' | 'not_answering'): void {
    if (this.#state === state || this.#closing.signal.aborted) return;
    this.#enter(state);
    const what = state === 'disconnected' ? 'the connection is lost' : 'the server does not answer';
    this.#options.tell(`NATS: ${what}; everything else goes on.`);
  }

  #regain(): void {
    if (this.#closing.signal.aborted) return;
    this.#reconnects += 1;
    this.#enter('connected');
    this.#options.tell('NATS: connected again.');
  }

  #enter(state: NatsState): void {
    this.#state = state;
    this.#sinceMs = this.#options.clock.now();
  }

  #note(error: unknown): void {
    this.#lastError = error instanceof Error ? error.message : String(error);
  }

  async #leave(connection: NatsConnection): Promise<void> {
    if (!this.#closing.signal.aborted) this.#lose('disconnected');
    const cut = new AbortController();
    const drained = connection.isClosed() ? Promise.resolve() : connection.drain().catch(() => {});
    await Promise.race([drained, this.#options.clock.sleep(CLOSE_LIMIT_MS, cut.signal)]);
    cut.abort();
    await Promise.race([connection.close().catch(() => {}), this.#options.clock.turn()]);
  }
}

/** Resolves when the signal fires. */
function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/** How the daemon connects to a server; a connection that is lost is looked for again for ever. */
export function connectionOptions(url: URL): ConnectionOptions {
  return {
    servers: url.host,
    ...credentialsIn(url),
    ...(url.protocol === 'tls:' ? { tls: {} } : {}),
    name: 'statevisor',
    timeout: CONNECT_LIMIT_MS,
    reconnectTimeWait: RECONNECT_DELAY_MS,
    maxReconnectAttempts: -1,
    // Credentials that are refused today may be right again after the server was set up again.
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
  };
}

/** User and password, or a lone token, as URLs of NATS write them. */
function credentialsIn({ username, password }: URL): Pick<ConnectionOptions, 'user' | 'pass' | 'token'> {
  if (username === '') return {};
  const name = decodeURIComponent(username);
  return password === '' ? { token: name } : { user: name, pass: decodeURIComponent(password) };
}
