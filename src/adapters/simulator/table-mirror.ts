import {
  type ActivityReading,
  CONNECTIONS_LISTED_MAX,
  type Connection,
  type ConnectionsView,
  type TrackedGuest,
} from '../../actors/contracts/activity.ts';
import { type Counts, countedUnder, stateName, type TableEntry } from '../../actors/contracts/counted-connections.ts';
import type { WorldEntry, WorldTableEvent } from './table-wire.ts';

/** One guest whose connections are watched, and what was last told of it. */
export interface Watched {
  readonly guest: TrackedGuest;
  readonly tell: (reading: ActivityReading) => void;
  readonly counts: Counts;
  readonly counted: Map<number, Connection>;
  /** Whether there are any, and since when; null while nothing is known. */
  present: { readonly some: boolean; readonly since: number } | null;
  told: string;
}

/** What is believed of the table: its last dump, and every event since. Who is watched is found by address. */
export class TableMirror {
  #entries = new Map<number, WorldEntry>();
  #blind = new Set<string>();
  readonly #watched = new Map<string, Set<Watched>>();

  get size(): number {
    return this.#entries.size;
  }

  add(guest: TrackedGuest, tell: Watched['tell'], ignoredSources: readonly string[]): Watched {
    const counts = countedUnder(guest.policy, ignoredSources);
    const watched: Watched = { guest, tell, counts, counted: new Map(), present: null, told: '' };
    for (const address of addressesOf(guest)) {
      this.#watched.set(address, (this.#watched.get(address) ?? new Set()).add(watched));
    }
    return watched;
  }

  delete(watched: Watched): void {
    for (const address of addressesOf(watched.guest)) {
      const others = this.#watched.get(address);
      others?.delete(watched);
      if (others?.size === 0) this.#watched.delete(address);
    }
  }

  has(watched: Watched): boolean {
    return this.#watched.get(watched.guest.instance)?.has(watched) === true;
  }

  all(): Set<Watched> {
    return new Set([...this.#watched.values()].flatMap((some) => [...some]));
  }

  of(instance: string): Watched | undefined {
    return [...(this.#watched.get(instance) ?? [])].at(-1);
  }

  /** Answers who may have to be told. */
  apply(event: WorldTableEvent): Iterable<Watched> {
    if (event.event === 'garbage') return [];
    if (event.event === 'observer') {
      this.#blind[event.observer === 'lost' ? 'add' : 'delete'](event.instance);
      const concerned = this.#watched.get(event.instance) ?? [];
      // Whatever it was since: what came and went meanwhile is not known.
      for (const watched of concerned) {
        watched.present = null;
        settle(watched, event.at);
      }
      return concerned;
    }
    const { entry } = event;
    if (event.event === 'destroy') this.#entries.delete(entry.number);
    else this.#entries.set(entry.number, entry);
    const concerned = this.#watched.get(entry.to) ?? [];
    for (const watched of concerned) {
      count(watched, entry, event.event !== 'destroy');
      settle(watched, event.at);
    }
    return concerned;
  }

  /** Takes a dump for the truth, and what was heard since it began. Answers whether anything else had been believed. */
  replace(entries: readonly WorldEntry[], blind: readonly string[], heard: readonly WorldTableEvent[], at: number) {
    const before = textOf(this.#entries);
    this.#entries = new Map(entries.map((entry) => [entry.number, entry]));
    this.#blind = new Set(blind);
    for (const watched of this.all()) watched.counted.clear();
    for (const entry of entries) {
      for (const watched of this.#watched.get(entry.to) ?? []) count(watched, entry, true);
    }
    for (const event of heard) for (const _ of this.apply(event));
    for (const watched of this.all()) settle(watched, at);
    return before !== textOf(this.#entries);
  }

  /** Nothing that was believed holds any more. */
  forget(): void {
    for (const watched of this.all()) watched.present = null;
  }

  readingOf({ guest, counted, present }: Watched): ActivityReading | null {
    if (this.#blind.has(guest.instance)) return { observer: 'lost', error: 'the simulated observer missed events' };
    if (present === null) return null;
    return { observer: 'in_order', connections: counted.size, since: present.since };
  }

  viewOf(instance: string): ConnectionsView | undefined {
    const watched = this.of(instance);
    if (watched === undefined || this.readingOf(watched)?.observer !== 'in_order') return undefined;
    const { counted } = watched;
    return { connections: counted.size, listed: [...counted.values()].slice(0, CONNECTIONS_LISTED_MAX) };
  }
}

/** A guest without an address of its own is reached under its name. */
function addressesOf({ instance, addresses }: TrackedGuest): string[] {
  return [instance, ...addresses];
}

function count({ counts, counted }: Watched, entry: WorldEntry, there: boolean): void {
  const { number, protocol, client, client_port, port, state } = entry;
  const asKept: TableEntry = {
    protocol,
    original: { source: client, source_port: client_port },
    reply: { source: entry.to, source_port: port },
    tcp_state: state,
  };
  if (there && counts(asKept)) counted.set(number, { protocol, client, client_port, port, state: stateName(asKept) });
  else counted.delete(number);
}

function settle(watched: Watched, at: number): void {
  const some = watched.counted.size > 0;
  if (watched.present?.some !== some) watched.present = { some, since: at };
}

function textOf(entries: ReadonlyMap<number, WorldEntry>): string {
  return [...entries.values()]
    .map(({ number, state }) => `${number}/${state}`)
    .sort()
    .join();
}
