import { mkdirSync } from 'node:fs';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import { isAlive } from '../../actors/contracts/process-identity.ts';
import {
  ANY_PORT,
  endNats,
  findNatsProcess,
  keepPassword,
  lastPort,
  launchNats,
  NATS_USER,
  type NatsProcess,
  portOf,
  readPassword,
} from './nats-process.ts';

/**
 * A private nats-server beside the daemon: on a loopback port, with JetStream and one user only this directory's owner
 * knows. It outlives a killed daemon and is adopted by the next one; a daemon that ends in order ends it. One that ends
 * while the daemon runs is started again where it was: same port, same credentials, same streams.
 */

export interface PrivateNats {
  /** `nats://127.0.0.1:PORT`, without credentials; null until the server was ready for the first time. */
  server(): string | null;
  readonly user: string;
  readonly password: string;
  /** It ran before this daemon did. */
  readonly adopted: boolean;
  status(): PrivateNatsStatus;
  /** Ends the server and waits for it. */
  stop(): Promise<void>;
  /** Looks after it no more and lets it run. */
  leave(): Promise<void>;
}

export interface PrivateNatsStatus {
  readonly pid: number | null;
  /** How often it was started again since this daemon began. */
  readonly restarts: number;
  readonly last_error: string | null;
}

const PASSWORD_BYTES = 24;
/** How often a look tells whether it still runs. */
const LOOK_MS = 250;
/** Before a server that has just ended is started again; doubles while it does not stay. */
export const NATS_RESTART_MIN_MS = 100;
export const NATS_RESTART_MAX_MS = 30_000;
/** Having run so long, its next end is a new story. */
export const NATS_STABLE_AFTER_MS = 60_000;

export interface PrivateNatsOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Hears what the operator should know. */
  readonly tell: (line: string) => void;
}

/** Null when there is no nats-server on this machine. One that cannot be started is tried again in the background. */
export async function startPrivateNats(options: PrivateNatsOptions): Promise<PrivateNats | null> {
  const { directory, random } = options;
  const password = readPassword(directory) ?? random.hex(PASSWORD_BYTES);
  const keeper = new NatsKeeper(options, password);
  return (await keeper.start()) ? keeper : null;
}

type Attempt = 'started' | 'failed' | 'not_installed';

class NatsKeeper implements PrivateNats {
  readonly user = NATS_USER;
  readonly password: string;
  readonly adopted: boolean;
  readonly #options: PrivateNatsOptions;
  readonly #closing = new AbortController();
  #process: NatsProcess | null;
  #port: number;
  #restarts = 0;
  #lastError: string | null = null;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: PrivateNatsOptions, password: string) {
    this.#options = options;
    this.password = password;
    this.#port = lastPort(options.directory);
    this.#process = findNatsProcess(options.directory);
    this.adopted = this.#process !== null;
    if (this.#process !== null) this.#port = portOf(this.#process.server);
  }

  /** False when there is no such program. */
  async start(): Promise<boolean> {
    const tried = this.#process === null ? await this.#tryToStart() : 'started';
    if (tried === 'not_installed') return false;
    this.#watching = this.#watch(tried);
    return true;
  }

  server(): string | null {
    return this.#process?.server ?? null;
  }

  status(): PrivateNatsStatus {
    const running = this.#process !== null && isAlive(this.#process.identity);
    return {
      pid: running ? this.#process!.identity.pid : null,
      restarts: this.#restarts,
      last_error: this.#lastError,
    };
  }

  async leave(): Promise<void> {
    this.#closing.abort();
    await this.#watching;
  }

  async stop(): Promise<void> {
    await this.leave();
    if (this.#process !== null) await endNats(this.#process, this.#options.clock);
  }

  /** Ends when the daemon does. */
  async #watch(first: Attempt): Promise<void> {
    const { clock, tell } = this.#options;
    const { signal } = this.#closing;
    let tried = first;
    let delayMs = NATS_RESTART_MIN_MS;
    while (!signal.aborted) {
      const began = clock.monotonic();
      while (this.#alive() && (await clock.sleep(LOOK_MS, signal))) {
        // Nothing to do as long as it runs.
      }
      if (signal.aborted) return;
      if (clock.monotonic() - began > NATS_STABLE_AFTER_MS) delayMs = NATS_RESTART_MIN_MS;
      const what = tried === 'failed' ? `could not be started (${this.#lastError})` : 'ended';
      tell(`The private nats-server ${what}; it is started again in ${delayMs} ms.`);
      if (!(await clock.sleep(delayMs, signal))) return;
      delayMs = Math.min(delayMs * 2, NATS_RESTART_MAX_MS);
      tried = await this.#tryToStart();
      if (tried === 'started') this.#restarts += 1;
    }
  }

  #alive(): boolean {
    return this.#process !== null && isAlive(this.#process.identity);
  }

  async #tryToStart(): Promise<Attempt> {
    const { directory, clock } = this.#options;
    const { password } = this;
    // Clients of this life know the port; before that, another one is better than none.
    const ports = this.#process === null && this.#port !== ANY_PORT ? [this.#port, ANY_PORT] : [this.#port];
    for (const port of ports) {
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        keepPassword(directory, password);
        const started = await launchNats(directory, { port, password }, clock);
        if (started === null) return 'not_installed';
        this.#process = started;
        this.#port = portOf(started.server);
        return 'started';
      } catch (error) {
        this.#lastError = error instanceof Error ? error.message : String(error);
      }
    }
    return 'failed';
  }
}
