import type {
  ActivityReading,
  ActivitySource,
  ConnectionsView,
  ObserverStatus,
  TrackedGuest,
} from '../../actors/contracts/activity.ts';
import type { Clock } from '../../actors/contracts/clock.ts';
import { keysOfText } from './addresses.ts';
import { CollectorProcess, SILENCE_LIMIT_MS } from './collector-process.ts';
import type { Mode } from './kernel-table.ts';
import type { FromCollector, WatchReading } from './messages.ts';
import { RECEIVE_BUFFER_DEFAULT_BYTES } from './netlink-table.ts';
import { RECHECK_MS } from './observer.ts';
import { countedOn, unreadStatus } from './observer-status.ts';
import { Telling } from './telling.ts';

/** Longest time that whoever confirms or forgets waits. */
export const ANSWER_LIMIT_MS = 8_000;
/** Questions under way at a time; past it they are answered at once with what is certain: that nothing is known. */
export const ASKED_AT_ONCE_MAX = 16_384;
/** Guests that a new collector is told of in one turn of the daemon. */
export const ANNOUNCED_AT_ONCE_MAX = 256;

export interface ConntrackOptions {
  readonly clock: Clock;
  /** Path of the collector's program. */
  readonly program: string;
  /** Addresses that only the daemon's own probes come from. */
  readonly ignoredSources?: readonly string[];
  /** Put before the collector's command: how a test reads the table of another network namespace. */
  readonly before?: readonly string[];
  /** The ways to read the table, in the order in which they are tried. */
  readonly modes?: readonly Mode[];
  readonly receiveBufferBytes?: number;
  readonly recheckMs?: number;
  readonly silenceLimitMs?: number;
}

export interface Conntrack extends ActivitySource {
  /** Of the collector; undefined while there is none. */
  collectorPid(): number | undefined;
}

interface Watch {
  readonly guest: TrackedGuest;
  readonly tell: (reading: ActivityReading) => void;
  /** Of the last reading that was told. */
  told: string;
  view: ConnectionsView | undefined;
}

const ALL_MODES: readonly Mode[] = ['netlink', 'conntrack', 'procfs'];
/** Who talks to guests, from the kernel's table of connections of the network namespace that the daemon is in. */
export function createConntrack(options: ConntrackOptions): Conntrack {
  return new CollectedActivity(options);
}

class CollectedActivity implements Conntrack {
  readonly #clock: Clock;
  readonly #collector: CollectorProcess;
  readonly #telling: Telling;
  readonly #watches = new Map<number, Watch>();
  readonly #watchOf = new Map<string, number>();
  readonly #asked = new Map<number, (answer: ActivityReading | string | null) => void>();
  /** Of the collectors before this one. */
  #before: ObserverStatus = unreadStatus('lost', null);
  #status: ObserverStatus = unreadStatus('lost', 'the table of connections has not been read yet');
  /** Null: not lost, or nothing was read yet. */
  #lost: string | null = null;
  #number = 0;

  constructor(options: ConntrackOptions) {
    this.#clock = options.clock;
    this.#telling = new Telling(options.clock, (number, reading) => this.#say(number, reading));
    this.#collector = new CollectorProcess({
      clock: options.clock,
      program: options.program,
      before: options.before ?? [],
      settings: {
        ignored_sources: options.ignoredSources ?? [],
        receive_buffer_bytes: options.receiveBufferBytes ?? RECEIVE_BUFFER_DEFAULT_BYTES,
        recheck_ms: options.recheckMs ?? RECHECK_MS,
        modes: options.modes ?? ALL_MODES,
      },
      silenceLimitMs: options.silenceLimitMs ?? SILENCE_LIMIT_MS,
      onStart: () => void this.#announce(),
      onMessage: (message) => this.#take(message),
      onEnd: (why) => this.#collectorEnded(why),
    });
    this.#collector.start();
  }

  watch(guest: TrackedGuest, tell: (reading: ActivityReading) => void): () => void {
    const number = ++this.#number;
    this.#watches.set(number, { guest, tell, told: '', view: undefined });
    this.#watchOf.set(guest.instance, number);
    if (isNowhere(guest)) queueMicrotask(() => this.#telling.put(number, NOWHERE));
    else this.#collector.send({ kind: 'watch', watch: number, guest });
    // Whoever begins to watch in the dark is told so, after this call.
    const lost = this.#lost;
    if (lost !== null) queueMicrotask(() => this.#telling.put(number, { observer: 'lost', error: lost }));
    return () => {
      if (!this.#watches.delete(number)) return;
      this.#telling.delete(number);
      if (this.#watchOf.get(guest.instance) === number) this.#watchOf.delete(guest.instance);
      this.#collector.send({ kind: 'unwatch', watch: number });
    };
  }

  async confirm(guest: TrackedGuest): Promise<ActivityReading> {
    if (isNowhere(guest)) return NOWHERE;
    const answer = await this.#ask((ask) => this.#collector.send({ kind: 'confirm', ask, guest }));
    if (answer === null || typeof answer === 'string') return { observer: 'lost', error: answer ?? NO_ANSWER };
    return this.#inPast(answer);
  }

  async forget(addresses: readonly string[], before: number): Promise<void> {
    const error = await this.#ask((ask) => this.#collector.send({ kind: 'forget', ask, addresses, before }));
    if (error !== null) throw new Error(typeof error === 'string' ? error : NO_ANSWER);
  }

  connectionsOf(instance: string): ConnectionsView | undefined {
    const number = this.#watchOf.get(instance);
    return number === undefined ? undefined : this.#watches.get(number)?.view;
  }

  status(): ObserverStatus {
    this.#collector.look();
    return this.#status;
  }

  collectorPid(): number | undefined {
    return this.#collector.pid;
  }

  async close(): Promise<void> {
    this.#watches.clear();
    this.#watchOf.clear();
    await this.#collector.close();
    this.#answerAll('the daemon is ending');
  }

  /** A new collector knows nothing yet. Whoever begins to watch meanwhile announces itself. */
  async #announce(): Promise<void> {
    const pid = this.#collector.pid;
    const watches = [...this.#watches.keys()];
    for (const [index, watch] of watches.entries()) {
      if (index % ANNOUNCED_AT_ONCE_MAX === ANNOUNCED_AT_ONCE_MAX - 1) await this.#clock.turn();
      const guest = this.#watches.get(watch)?.guest;
      if (this.#collector.pid !== pid) return;
      if (guest !== undefined && !isNowhere(guest)) this.#collector.send({ kind: 'watch', watch, guest });
    }
  }

  /** Null: done, and there was nothing to say. A sentence: it could not be. */
  async #ask(send: (ask: number) => boolean): Promise<ActivityReading | string | null> {
    if (this.#asked.size >= ASKED_AT_ONCE_MAX) return 'too many questions about connections at a time';
    const ask = ++this.#number;
    const { promise, resolve } = Promise.withResolvers<ActivityReading | string | null>();
    this.#asked.set(ask, resolve);
    if (!send(ask)) resolve(this.#lost ?? 'the collector of connections is not there');
    const cancel = this.#clock.after(ANSWER_LIMIT_MS, () => resolve(NO_ANSWER));
    return promise.finally(() => {
      cancel();
      this.#asked.delete(ask);
    });
  }

  #take(message: FromCollector): void {
    switch (message.kind) {
      case 'status':
        this.#note(message.status);
        return;
      case 'lost':
        this.#note(message.status);
        this.#lose(message.error);
        return;
      case 'readings':
        this.#note(message.status);
        for (const reading of message.readings) this.#read(reading);
        return;
      case 'confirmed':
        this.#note(message.status);
        this.#asked.get(message.ask)?.(message.reading);
        return;
      case 'forgotten':
        this.#asked.get(message.ask)?.(message.error);
        return;
    }
  }

  /** In order again, also when nobody was watched who could be told. */
  #note(status: ObserverStatus): void {
    this.#status = countedOn(this.#before, status);
    if (status.state === 'in_order') this.#lost = null;
  }

  #read({ watch: number, connections, since, listed }: WatchReading): void {
    const watch = this.#watches.get(number);
    if (watch === undefined) return;
    watch.view = { connections, listed };
    this.#telling.put(number, this.#inPast({ observer: 'in_order', connections, since }));
  }

  /** Never in the future, also when the wall clock was set back. */
  #inPast(reading: ActivityReading): ActivityReading {
    if (reading.observer === 'lost') return reading;
    return { ...reading, since: Math.min(reading.since, this.#clock.now()) };
  }

  #say(number: number, reading: ActivityReading): void {
    const watch = this.#watches.get(number);
    const told = JSON.stringify(reading);
    if (watch === undefined || watch.told === told) return;
    watch.told = told;
    watch.tell(reading);
  }

  #lose(error: string): void {
    this.#lost = error;
    for (const [number, watch] of [...this.#watches]) {
      watch.view = undefined;
      this.#telling.put(number, { observer: 'lost', error });
    }
  }

  #collectorEnded(why: string): void {
    this.#status = { ...this.#status, state: 'lost', error: why, losses: this.#status.losses + 1 };
    this.#before = this.#status;
    this.#answerAll(why);
    this.#lose(why);
  }

  #answerAll(why: string): void {
    for (const answer of [...this.#asked.values()]) answer(why);
  }
}

const NOWHERE: ActivityReading = {
  observer: 'lost',
  error: 'the guest has no address by which its connections could be told from others',
};

/** An empty count of connections to no address would be no knowledge. */
function isNowhere({ addresses }: TrackedGuest): boolean {
  return addresses.length === 0 || addresses.some((address) => keysOfText(address).length === 0);
}

const NO_ANSWER = 'the table of connections was not read in time';
