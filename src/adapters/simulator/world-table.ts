import type { CancelTimer, Clock } from '../../actors/contracts/clock.ts';
import { TCP_STATES } from '../../actors/contracts/counted-connections.ts';
import {
  type DumpsFate,
  type EventsFate,
  TABLE_PAGE_MAX,
  type WorldEntry,
  type WorldTableEvent,
} from './table-wire.ts';
import type { TrafficChange, WorldAnswer, WorldRequest } from './wire.ts';

/**
 * The host's table of connections: what a kernel would keep of who talks to guests. Its entries are true, whatever
 * becomes of the events that tell of them; they end when they are closed, when they have been quiet for as long as a
 * kernel waits, or when somebody removes them, and never because a guest ends.
 */

/** Entries that are kept at a time. */
const ENTRIES_MAX = 65_536;
/** Events that wait for a reader; whoever has not read them by then is told of an overrun. */
const EVENTS_MAX = 10_000;

/** For how long the kernel keeps a quiet entry of each TCP state, ms. */
const TCP_TIMEOUTS_MS: Readonly<Record<string, number>> = {
  SYN_SENT: 120_000,
  SYN_RECV: 60_000,
  ESTABLISHED: 432_000_000,
  FIN_WAIT: 120_000,
  CLOSE_WAIT: 60_000,
  LAST_ACK: 30_000,
  TIME_WAIT: 120_000,
  CLOSE: 10_000,
};
const UDP_TIMEOUT_MS = 30_000;
const OTHER_TIMEOUT_MS = 600_000;

/** `[udp ]CLIENT:PORT->[ADDRESS:]PORT`, IPv6 addresses in brackets. */
const CONNECTION = /^(udp )?\[?([^\]]+?)\]?:(\d+)->(?:\[?([^\]]+?)\]?:)?(\d+)$/;

interface Kept {
  readonly instance: string;
  readonly text: string;
  readonly entry: WorldEntry;
  readonly expiry: CancelTimer;
}

interface Fate<T> {
  readonly fate: T;
  remaining: number | null;
}

/** One table, with the events that tell of its changes. */
export class WorldTable {
  readonly #clock: Clock;
  /** By number, in the order they were opened. */
  readonly #entries = new Map<number, Kept>();
  /** The number of each entry to an instance, by its text. */
  readonly #ofInstance = new Map<string, Map<string, number>>();
  readonly #blind = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #events: { readonly number: number; readonly event: WorldTableEvent }[] = [];
  /** The number of the last event, and of the last that a reader must have seen to have seen all. */
  #last = 0;
  #gapAt = 0;
  #nextEntry = 1;
  #fateOfEvents: Fate<EventsFate> = { fate: 'told', remaining: null };
  #fateOfDumps: Fate<DumpsFate> = { fate: 'ok', remaining: null };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Called after each event that can be read, or whose loss can be noticed. */
  observe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Texts of the entries to an instance, in the order they were opened. */
  textsOf(instance: string): string[] {
    return [...(this.#ofInstance.get(instance)?.keys() ?? [])];
  }

  isBlind(instance: string): boolean {
    return this.#blind.has(instance);
  }

  change(instance: string, change: TrafficChange): WorldAnswer {
    if ('observer' in change) {
      const observer = change.observer === 'lost' ? 'lost' : 'in_order';
      this.#blind[observer === 'lost' ? 'add' : 'delete'](instance);
      this.#put({ event: 'observer', at: this.#clock.now(), instance, observer });
      return DONE;
    }
    const text = 'open' in change ? change.open : 'packet' in change ? change.packet : change.close;
    const known = this.#ofInstance.get(instance)?.get(text);
    if ('close' in change) {
      if (known !== undefined) this.#remove(known);
      return DONE;
    }
    if (known === undefined && 'packet' in change) return refused('no_connection', 'there is no such connection');
    if (known === undefined && this.#entries.size >= ENTRIES_MAX) {
      return refused('too_many_connections', 'too many connections');
    }
    const number = known ?? this.#nextEntry++;
    const entry = entryOf({ instance, text, number, state: change.state, known: this.#entries.get(number)?.entry });
    this.#keep({ instance, text, entry, timeoutMs: change.timeout_ms ?? timeoutOf(entry) });
    return DONE;
  }

  act(request: Extract<WorldRequest, { op: 'table' | 'table_events' | 'dump' | 'forget' }>): WorldAnswer {
    switch (request.op) {
      case 'table':
        if (request.events !== undefined) this.#fateOfEvents = { fate: request.events, remaining: request.times };
        if (request.dumps !== undefined) this.#fateOfDumps = { fate: request.dumps, remaining: request.times };
        return DONE;
      case 'table_events':
        return this.#eventsAfter(request.after);
      case 'dump':
        return this.#dump(request.after);
      case 'forget':
        for (const { entry } of [...this.#entries.values()])
          if (request.to.includes(entry.to)) this.#remove(entry.number);
        return DONE;
    }
  }

  /** Ends the table: nothing in it grows old any more. */
  close(): void {
    for (const { expiry } of this.#entries.values()) expiry();
    this.#listeners.clear();
  }

  #keep({ instance, text, entry, timeoutMs }: Omit<Kept, 'expiry'> & { readonly timeoutMs: number }): void {
    const { number } = entry;
    const before = this.#entries.get(number);
    before?.expiry();
    const expiry = this.#clock.after(timeoutMs, () => this.#remove(number));
    this.#entries.set(number, { instance, text, entry, expiry });
    const texts = this.#ofInstance.get(instance) ?? new Map<string, number>();
    this.#ofInstance.set(instance, texts.set(text, number));
    // As the kernel does: a packet that changes no state only renews the timeout, and no event tells of it.
    if (before === undefined) this.#put({ event: 'new', at: this.#clock.now(), entry });
    else if (before.entry.state !== entry.state) this.#put({ event: 'update', at: this.#clock.now(), entry });
  }

  #remove(number: number): void {
    const kept = this.#entries.get(number);
    if (kept === undefined) return;
    kept.expiry();
    this.#entries.delete(number);
    const texts = this.#ofInstance.get(kept.instance);
    texts?.delete(kept.text);
    if (texts?.size === 0) this.#ofInstance.delete(kept.instance);
    this.#put({ event: 'destroy', at: this.#clock.now(), entry: kept.entry });
  }

  #put(event: WorldTableEvent): void {
    const fate = struckBy(this.#fateOfEvents, 'told');
    if (fate === 'lost') return;
    this.#last += 1;
    if (fate === 'overrun') {
      this.#gapAt = this.#last;
      this.#events = [];
    } else {
      const told: WorldTableEvent = fate === 'garbage' ? { event: 'garbage', at: event.at } : event;
      this.#events.push({ number: this.#last, event: told });
      if (this.#events.length > EVENTS_MAX) this.#gapAt = this.#events.shift()!.number;
    }
    for (const listener of [...this.#listeners]) listener();
  }

  #eventsAfter(after: number | null): WorldAnswer {
    const answer = 'table_events';
    if (after === null) return { answer, events: [], last: this.#last, overrun: false };
    if (after < this.#gapAt) return { answer, events: [], last: this.#last, overrun: true };
    const page = this.#events.filter(({ number }) => number > after).slice(0, TABLE_PAGE_MAX);
    return { answer, events: page.map(({ event }) => event), last: page.at(-1)?.number ?? this.#last, overrun: false };
  }

  #dump(after: number | null): WorldAnswer {
    const fate = after === null ? struckBy(this.#fateOfDumps, 'ok') : 'ok';
    if (fate === 'fail') return refused('table_unreadable', 'the simulated table cannot be read');
    const delay_ms = fate === 'hang' ? null : typeof fate === 'object' ? fate.slow : 0;
    const left = [...this.#entries.values()].filter(({ entry }) => entry.number > (after ?? 0));
    const page = left.slice(0, TABLE_PAGE_MAX).map(({ entry }) => entry);
    return { answer: 'dump', entries: page, more: left.length > page.length, delay_ms, blind: [...this.#blind] };
  }
}

const DONE: WorldAnswer = { answer: 'done', pid: null, ended: null };
const refused = (code: string, message: string): WorldAnswer => ({ answer: 'failed', code, message, ended: null });

/** What strikes now, used up by one. */
function struckBy<T>(planned: Fate<T>, otherwise: T): T {
  if (planned.remaining === null) return planned.fate;
  if (planned.remaining === 0) return otherwise;
  planned.remaining -= 1;
  return planned.fate;
}

interface Opened {
  readonly instance: string;
  readonly text: string;
  readonly number: number;
  readonly state: string | number | undefined;
  readonly known: WorldEntry | undefined;
}

/** A text that cannot be understood is a connection from nowhere, in a state that nobody knows. */
function entryOf({ instance, text, number, state, known }: Opened): WorldEntry {
  const [understood, udp, client = '::', clientPort, address, port] = CONNECTION.exec(text) ?? [];
  const protocol = udp === undefined ? 'tcp' : 'udp';
  const stateless = understood === undefined || protocol === 'udp';
  const otherwise = known?.state ?? (stateless ? null : numberOf('ESTABLISHED'));
  return {
    number,
    protocol,
    client,
    client_port: Number(clientPort ?? 0),
    to: address ?? instance,
    port: Number(port ?? 0),
    state: state === undefined || protocol === 'udp' ? otherwise : numberOf(state),
  };
}

function numberOf(state: string | number): number {
  return typeof state === 'number' ? state : (TCP_STATES as readonly string[]).indexOf(state);
}

function timeoutOf({ protocol, state }: WorldEntry): number {
  if (protocol === 'udp') return UDP_TIMEOUT_MS;
  const name = state === null ? 'ESTABLISHED' : (TCP_STATES[state] ?? '');
  return TCP_TIMEOUTS_MS[name] ?? OTHER_TIMEOUT_MS;
}
