import type { ActivityReading, ObserverStatus, TrackedGuest } from '../../actors/contracts/activity.ts';
import type { CancelTimer, Clock } from '../../actors/contracts/clock.ts';
import { type AddressKey, keysOfText } from './addresses.ts';
import { ChangedGuests } from './changed-guests.ts';
import { GuestIndex } from './guest-index.ts';
import { type Change, type KernelEntry, type KernelTable, TableError, type TableListener } from './kernel-table.ts';
import type { SendToSelf } from './own-flow.ts';
import { Removals } from './removals.ts';
import { sentenceOf } from './sentences.ts';
import { SharedDumps } from './shared-dumps.ts';
import { type ReadRoom, RoomProof } from './table-room.ts';
import { TrackingProof } from './tracking-proof.ts';
import type { WatchedGuest } from './watched-guest.ts';

/**
 * Keeps what is known of the connections to the watched guests right: events between dumps, a dump at once after events
 * were lost, and one now and then against those that were lost unnoticed. Whoever is told `lost` is told nothing else
 * until a dump has been read.
 */

/** Longest time that a connection whose events were lost unnoticed is overlooked, or believed to be open. */
export const RECHECK_MS = 10_000;
/** A dump is not asked for by time more often than this many times its own duration: at most a twentieth of a core. */
const DUMP_SHARE = 20;
/** Reads of one dump while the table changes under it. */
export const DUMP_TRIES_MAX = 5;
/** Pauses between dumps that fail: the first, and the longest. */
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;
/** How often it is looked whether a guest has nothing left but UDP that may have run out. */
const UDP_LOOK_MS = 500;

export interface ObserverOptions {
  readonly clock: Clock;
  readonly table: (listener: TableListener) => Promise<KernelTable>;
  readonly sendToSelf: SendToSelf;
  readonly readRoom: ReadRoom;
  readonly ignoredSources: readonly string[];
  readonly recheckMs: number;
  readonly told: ObserverTold;
}

export interface ObserverTold {
  /** What of these guests has changed: they were read after the last loss. */
  changed(guests: readonly WatchedGuest[]): void;
  /** Nothing is known of any guest until it is in `changed` again. */
  lost(error: string): void;
  /** No event comes any more: this observer is of no use. */
  broken(): void;
}

export class Observer implements TableListener {
  readonly #options: ObserverOptions;
  readonly #clock: Clock;
  readonly #index: GuestIndex;
  readonly #dumps: SharedDumps;
  readonly #removals: Removals;
  readonly #proof: TrackingProof;
  readonly #room: RoomProof;
  readonly #ended = new AbortController();
  readonly #watched = new Set<WatchedGuest>();
  readonly #changed: ChangedGuests;
  #table: KernelTable | null = null;
  /** Null: in order. */
  #error: string | null = 'the table of connections has not been read yet';
  #cancelRecheck: CancelTimer = () => undefined;
  #retryMs = RETRY_MIN_MS;
  #overruns = 0;
  readonly #counts = { entries: 0, events: 0, losses: 0, garbage: 0, resyncs: 0, dumps: 0 };
  #lastDump: { ms: number; at: number; endedAt: number } | null = null;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#index = new GuestIndex(options.ignoredSources);
    this.#changed = new ChangedGuests(options.clock, options.told.changed);
    this.#proof = new TrackingProof(options.sendToSelf);
    this.#room = new RoomProof(options.readRoom);
    this.#dumps = new SharedDumps(this.#clock, () => this.#read());
    this.#removals = new Removals(this.#clock, () => this.#openTable());
  }

  /** Fails with a `TableError` where the table cannot be had in this way. */
  async open(): Promise<void> {
    this.#table = await this.#options.table(this);
    this.#reread();
    void this.#lookAtUdp();
  }

  watch(guest: TrackedGuest): WatchedGuest {
    const watched = this.#index.add(guest);
    this.#watched.add(watched);
    this.#reread();
    return watched;
  }

  unwatch(watched: WatchedGuest): void {
    this.#index.remove(watched);
    this.#watched.delete(watched);
    this.#changed.delete(watched);
  }

  async confirm(guest: TrackedGuest): Promise<ActivityReading> {
    const asked = this.#index.add(guest);
    try {
      await this.#dumps.next();
      return { observer: 'in_order', connections: asked.connections, since: this.#sinceOf(asked) };
    } catch (error) {
      return { observer: 'lost', error: sentenceOf(error) };
    } finally {
      this.#index.remove(asked);
    }
  }

  forget(addresses: readonly string[], before: number): Promise<void> {
    return this.#removals.ask(addresses.flatMap(keysOfText), before);
  }

  status(): ObserverStatus {
    return {
      mode: this.#table?.mode ?? 'netlink',
      state: this.#error === null ? 'in_order' : 'lost',
      error: this.#error,
      ...this.#counts,
      last_dump_ms: this.#lastDump?.ms ?? null,
      last_dump_at: this.#lastDump?.at ?? null,
    };
  }

  async close(): Promise<void> {
    this.#ended.abort();
    this.#cancelRecheck();
    this.#changed.stop();
    await this.#table?.close();
  }

  concerns(address: AddressKey): boolean {
    return this.#index.concerns(address) || this.#proof.concerns(address);
  }

  event(entry: KernelEntry, change: Change): void {
    const now = this.#clock.now();
    this.#proof.heard(entry);
    for (const guest of this.#index.at(entry.guest)) {
      guest.hear(entry, change, now);
      if (this.#watched.has(guest)) this.#changed.note(guest);
    }
  }

  drained(): void {
    if (this.#error === null) this.#changed.tell();
  }

  seen(messages: number): void {
    this.#counts.events += messages;
  }

  garbage(messages: number): void {
    this.#counts.garbage += messages;
  }

  overrun(): void {
    this.#counts.losses += 1;
    this.#overruns += 1;
    this.#lose('events of connections were lost: more came than could be kept');
    this.#reread();
  }

  broken(error: Error): void {
    // One that never opened is not broken: another way is tried.
    if (this.#ended.signal.aborted || this.#table === null) return;
    this.#lose(sentenceOf(error));
    this.#options.told.broken();
  }

  #openTable(): KernelTable {
    if (this.#table === null) throw new TableError('the table of connections is not open');
    return this.#table;
  }

  /** A guest that is watched has been quiet, or spoken to, for longer than since it was asked about. */
  #sinceOf(asked: WatchedGuest): number {
    for (const { guest, connections, since } of this.#watched) {
      const same = guest.instance === asked.guest.instance && guest.run === asked.guest.run;
      if (same && since !== null && (connections === 0) === (asked.connections === 0)) return since;
    }
    return asked.since ?? this.#clock.now();
  }

  /** A dump for whose end nobody waits. */
  #reread(): void {
    if (this.#table !== null && !this.#ended.signal.aborted) this.#dumps.next().catch(() => undefined);
  }

  #rereadAfter(delayMs: number): void {
    this.#cancelRecheck();
    if (this.#ended.signal.aborted) return;
    this.#cancelRecheck = this.#clock.after(delayMs, () => {
      // Whoever begins to watch has the table read; until then nobody needs to know.
      if (this.#error === null && this.#watched.size === 0) this.#rereadAfter(delayMs);
      else this.#reread();
    });
  }

  async #read(): Promise<void> {
    try {
      let tries = 1;
      while (!(await this.#readOnce())) {
        if (tries++ === DUMP_TRIES_MAX) throw new TableError('connections change faster than their table can be read');
      }
      this.#retryMs = RETRY_MIN_MS;
      const everyMs = Math.min(this.#options.recheckMs, this.#table?.pollMs ?? this.#options.recheckMs);
      this.#rereadAfter(Math.max(everyMs, this.#lastDump!.ms * DUMP_SHARE));
    } catch (error) {
      this.#lose(sentenceOf(error));
      this.#rereadAfter(this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
      throw error;
    }
  }

  /** False: the table changed under it, or events were lost meanwhile, so that it tells nothing. */
  async #readOnce(): Promise<boolean> {
    const table = this.#openTable();
    // Until what was queued before an overrun has been read, the kernel drops events and does not say so again.
    if (this.#error !== null) await table.caughtUp();
    await this.#room.check();
    const [begun, at, losses] = [this.#clock.monotonic(), this.#clock.now(), this.#overruns];
    const guests = [...this.#index.all()];
    try {
      await this.#proof.begin(guests);
      for (const guest of guests) guest.dumpBegins();
      const { entries, interrupted } = await table.dump({
        concerns: (address) => this.concerns(address),
        entry: (entry) => {
          this.#proof.found(entry);
          for (const guest of this.#index.at(entry.guest)) guest.dumpFound(entry);
        },
      });
      this.#proof.checkDump();
      await table.caughtUp();
      await this.#room.check();
      if (interrupted || losses !== this.#overruns) return false;
      if (table.pollMs === null) this.#proof.checkEvents();
      this.#counts.entries = entries;
      this.#counts.dumps += 1;
      const endedAt = this.#clock.monotonic();
      this.#lastDump = { ms: endedAt - begun, at, endedAt };
      this.#take(guests, at);
      return true;
    } finally {
      this.#proof.abandon();
      for (const guest of guests) guest.dumpAbandoned();
    }
  }

  #take(guests: readonly WatchedGuest[], begunAt: number): void {
    const now = this.#clock.now();
    const wasLost = this.#error !== null;
    let untold = 0;
    for (const guest of guests) {
      untold += guest.dumpEnds(begunAt, now, wasLost);
      if (this.#watched.has(guest)) this.#changed.note(guest);
    }
    this.#error = null;
    if (this.#table?.pollMs !== null) untold = 0;
    if (untold > 0 && !wasLost) this.#counts.losses += 1;
    if (untold > 0 || (wasLost && this.#counts.dumps > 1)) this.#counts.resyncs += 1;
    if (wasLost) for (const guest of this.#watched) if (guest.since !== null) this.#changed.note(guest.mark());
    this.#changed.tell();
  }

  #lose(error: string): void {
    if (this.#error === error) return;
    this.#error = error;
    this.#changed.stop();
    this.#options.told.lost(error);
  }

  async #lookAtUdp(): Promise<void> {
    while (await this.#clock.sleep(UDP_LOOK_MS, this.#ended.signal)) {
      const quietSince = this.#lastDump === null ? 0 : this.#lastDump.endedAt + this.#lastDump.ms * DUMP_SHARE;
      if (this.#clock.monotonic() < quietSince) continue;
      const now = this.#clock.now();
      if ([...this.#watched].some((guest) => guest.readAgainAt <= now)) this.#reread();
    }
  }
}
