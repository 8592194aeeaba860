import type { Connection, TrackedGuest } from '../../actors/contracts/activity.ts';
import { CONNECTIONS_LISTED_MAX } from '../../actors/contracts/activity.ts';
import { type Counts, countedUnder, isLive, stateName } from '../../actors/contracts/counted-connections.ts';
import { type AddressKey, keysOfText } from './addresses.ts';
import type { Change, KernelEntry } from './kernel-table.ts';

/** What is known of the connections to one guest, under one policy: from dumps, and from events between them. */

/** What a dump found, until it is complete. */
interface Dumping {
  readonly found: Map<string, KernelEntry>;
  /** Entries that events told of since the dump began: newer than what it found, or as new. */
  readonly touched: Set<string>;
}

export class WatchedGuest {
  readonly guest: TrackedGuest;
  readonly addresses: readonly AddressKey[];
  /** Something has changed that was not told yet. */
  changed = false;
  /** A change between none and some, or the first reading: to be told at once. */
  edge = false;
  readonly #counts: Counts;
  readonly #counted = new Map<string, KernelEntry>();
  /** Entries of connections that are over, by their tuple: they stay in the kernel's table for a while. */
  readonly #over = new Map<string, number | null>();
  #dumping: Dumping | null = null;
  #since: number | null = null;
  #notTcp = 0;
  /** At least until then some entry lasts that is not of TCP. */
  #notTcpUntil = 0;

  constructor(guest: TrackedGuest, ignoredSources: readonly string[]) {
    this.guest = guest;
    this.addresses = guest.addresses.flatMap(keysOfText);
    this.#counts = countedUnder(guest.policy, ignoredSources);
  }

  get connections(): number {
    return this.#counted.size;
  }

  /** Epoch ms since when there are none, or some. Null until a dump was read. */
  get since(): number | null {
    return this.#since;
  }

  /** When the table must be read again: no TCP is left, and all else may have run out unheard. Infinity: never. */
  get readAgainAt(): number {
    return this.#notTcp > 0 && this.#notTcp === this.#counted.size ? this.#notTcpUntil : Number.POSITIVE_INFINITY;
  }

  listed(): readonly Connection[] {
    const listed: Connection[] = [];
    for (const entry of this.#counted.values()) {
      if (listed.length === CONNECTIONS_LISTED_MAX) break;
      listed.push(connectionOf(entry));
    }
    return listed;
  }

  /** Makes the present reading one that has to be told at once. */
  mark(): this {
    this.changed = true;
    this.edge = true;
    return this;
  }

  /** It has been told what is so now. */
  wasTold(): void {
    this.changed = false;
    this.edge = false;
  }

  hear(entry: KernelEntry, change: Change, now: number): void {
    this.#dumping?.touched.add(entry.key);
    const had = this.#counted.size;
    const ranOut = entry.protocol !== 'tcp' && change === 'destroyed' ? this.#notTcpUntil : now;
    if (change === 'present') this.#put(entry, now);
    else this.#remove(entry);
    // The kernel tells of a UDP entry that ran out when it clears it away, which is later.
    this.#settle(had, Math.min(entry.occurred_at ?? now, ranOut, now));
  }

  dumpBegins(): void {
    this.#dumping = { found: new Map(), touched: new Set() };
  }

  dumpFound(entry: KernelEntry): void {
    this.#dumping?.found.set(entry.key, entry);
  }

  dumpAbandoned(): void {
    this.#dumping = null;
  }

  /**
   * Replaces what is known by what the dump found, but for what events told since it began. Returns how many
   * differences no event had told of though it should have: events were lost unnoticed. `wasLost`: that was known before.
   */
  dumpEnds(begunAt: number, now: number, wasLost = false): number {
    const dumping = this.#dumping;
    if (dumping === null) return 0;
    this.#dumping = null;
    const first = this.#since === null;
    const had = this.#counted.size;
    // Of UDP it is known when it ran out; of TCP only that it is gone by now.
    const endedAt = this.#notTcp === had && had > 0 ? Math.min(this.#notTcpUntil, begunAt) : begunAt;
    let untold = 0;
    let strangerIsOver = false;
    for (const key of [...this.#counted.keys(), ...this.#over.keys()]) {
      if (!dumping.found.has(key) && !dumping.touched.has(key)) this.#forget(key);
    }
    for (const [key, entry] of dumping.found) {
      if (dumping.touched.has(key)) continue;
      const live = isLive(entry);
      if (!this.#isKnown(entry, live)) {
        untold += 1;
        strangerIsOver ||= !live && this.#counts({ ...entry, tcp_state: null });
      }
      this.#put(entry, now);
    }
    if (first) {
      this.#since = begunAt;
      this.mark();
      return 0;
    }
    // Somebody came and went without being seen, or may have: nobody is known to have been away before the dump.
    if (had === 0 && this.#counted.size === 0 && (wasLost || strangerIsOver)) {
      this.#since = begunAt;
      this.mark();
    }
    this.#settle(had, this.#counted.size === 0 ? endedAt : begunAt);
    return untold;
  }

  #isKnown(entry: KernelEntry, live: boolean): boolean {
    if (live) return this.#counted.get(entry.key)?.id === entry.id || !this.#counts(entry);
    return this.#over.get(entry.key) === entry.id || !this.#counts({ ...entry, tcp_state: null });
  }

  #put(told: KernelEntry, now: number): void {
    const known = this.#counted.get(told.key);
    // An event that is not about the state leaves it as it was.
    const silent = told.protocol === 'tcp' && told.tcp_state === null && known?.id === told.id;
    const entry = silent ? { ...told, tcp_state: known!.tcp_state } : told;
    if (!this.#counts(entry)) {
      this.#forget(entry.key);
      if (!isLive(entry)) this.#over.set(entry.key, entry.id);
      return;
    }
    this.#over.delete(entry.key);
    if (known === undefined && entry.protocol !== 'tcp') this.#notTcp += 1;
    this.#counted.set(entry.key, entry);
    if (known?.id !== entry.id || known.tcp_state !== entry.tcp_state) this.changed = true;
    if (entry.protocol !== 'tcp') this.#notTcpUntil = Math.max(this.#notTcpUntil, now + (entry.timeout_s ?? 0) * 1_000);
  }

  /** A tuple may have been taken by another connection since: only the entry that was destroyed goes. */
  #remove({ key, id }: KernelEntry): void {
    if (this.#counted.get(key)?.id === id || this.#over.get(key) === id) this.#forget(key);
  }

  #forget(key: string): void {
    this.#over.delete(key);
    const known = this.#counted.get(key);
    if (known === undefined) return;
    this.#counted.delete(key);
    this.changed = true;
    if (known.protocol !== 'tcp') this.#notTcp -= 1;
    if (this.#notTcp === 0) this.#notTcpUntil = 0;
  }

  #settle(had: number, at: number): void {
    if (this.#since === null || had > 0 === this.#counted.size > 0) return;
    this.#since = Math.max(at, this.#since);
    this.mark();
  }
}

function connectionOf(entry: KernelEntry): Connection {
  const { protocol, original, reply } = entry;
  const { source: client, source_port: client_port } = original;
  return { protocol, client, client_port, port: reply.source_port, state: stateName(entry) };
}
