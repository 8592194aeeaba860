import type { ActivityReading, ObserverStatus, TrackedGuest } from '../../actors/contracts/activity.ts';
import type { Clock } from '../../actors/contracts/clock.ts';
import { type Mode, TableError } from './kernel-table.ts';
import type { CollectorSettings, FromCollector, ToCollector, WatchReading } from './messages.ts';
import { Observer } from './observer.ts';
import { unreadStatus } from './observer-status.ts';
import { openTable } from './open-table.ts';
import { sendToSelf } from './own-flow.ts';
import { sentenceOf } from './sentences.ts';
import { readKernelRoom } from './table-room.ts';
import { Untold } from './untold.ts';
import type { WatchedGuest } from './watched-guest.ts';

/** How often what is counted is told, changed or not: a collector that says nothing hangs. */
const STATUS_MS = 1_000;
/** How often it is tried again where the table could not be read in any way. */
export const UNSUPPORTED_RETRY_MS = 30_000;

export interface CollectorOptions {
  readonly clock: Clock;
  readonly settings: CollectorSettings;
  /** Calls back when the message has left. */
  readonly send: (message: FromCollector, sent: () => void) => void;
  /** The collector cannot go on: its process is to end, and another one begins anew. */
  readonly onBroken: () => void;
}

/** The work of the child process: reads the kernel's table, keeps what is known of it, and tells what concerns guests. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #guests = new Map<number, TrackedGuest>();
  readonly #watched = new Map<number, WatchedGuest>();
  readonly #numbers = new Map<WatchedGuest, number>();
  readonly #untold: Untold<WatchedGuest>;
  #observer: Observer | null = null;
  /** Settled when it is known whether the table can be read: whoever asks before is not refused. */
  readonly #tried = Promise.withResolvers<void>();
  /** Why a way was not taken. */
  #refused: string | null = null;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#untold = new Untold({
      send: options.send,
      status: () => this.#status(),
      readingOf: (guest) => this.#readingOf(guest),
    });
  }

  async run(): Promise<void> {
    void this.#sayOn();
    while (!(await this.#open().finally(this.#tried.resolve))) await this.#options.clock.sleep(UNSUPPORTED_RETRY_MS);
  }

  async #sayOn(): Promise<never> {
    for (;;) {
      await this.#options.clock.sleep(STATUS_MS);
      this.#untold.statusDue();
    }
  }

  /** Ends what was started for reading; nothing is told after it. */
  async close(): Promise<void> {
    await this.#observer?.close();
  }

  take(message: ToCollector): void {
    switch (message.kind) {
      case 'watch':
        this.#guests.set(message.watch, message.guest);
        this.#watch(message.watch, message.guest);
        return;
      case 'unwatch':
        this.#guests.delete(message.watch);
        this.#unwatch(message.watch);
        return;
      case 'confirm':
        void this.#confirm(message.ask, message.guest);
        return;
      case 'forget':
        void this.#forget(message);
        return;
    }
  }

  async #open(): Promise<boolean> {
    const refusals: string[] = [];
    for (const mode of this.#options.settings.modes) {
      const observer = this.#observerOver(mode);
      try {
        await observer.open();
        this.#observer = observer;
        this.#refused = refusals.length === 0 ? null : refusals.join('; ');
        for (const [watch, guest] of this.#guests) this.#watch(watch, guest);
        return true;
      } catch (error) {
        await observer.close();
        refusals.push(`${mode}: ${sentenceOf(error)}`);
      }
    }
    this.#refused = refusals.join('; ');
    this.#untold.lost(this.#refused);
    return false;
  }

  #observerOver(mode: Mode): Observer {
    const { clock, settings, onBroken } = this.#options;
    return new Observer({
      clock,
      table: (listener) => openTable(mode, { clock, listener, receiveBufferBytes: settings.receive_buffer_bytes }),
      sendToSelf,
      readRoom: readKernelRoom,
      ignoredSources: settings.ignored_sources,
      recheckMs: settings.recheck_ms,
      told: {
        changed: (guests) => this.#untold.changed(guests),
        lost: (error) => this.#untold.lost(error),
        broken: onBroken,
      },
    });
  }

  #watch(watch: number, guest: TrackedGuest): void {
    if (this.#observer === null) return;
    const watched = this.#observer.watch(guest);
    this.#watched.set(watch, watched);
    this.#numbers.set(watched, watch);
  }

  #unwatch(watch: number): void {
    const watched = this.#watched.get(watch);
    if (watched === undefined) return;
    this.#observer?.unwatch(watched);
    this.#watched.delete(watch);
    this.#numbers.delete(watched);
    this.#untold.unwatched(watched);
  }

  async #confirm(ask: number, guest: TrackedGuest): Promise<void> {
    await this.#tried.promise;
    const reading: ActivityReading =
      this.#observer === null ? { observer: 'lost', error: this.#refused ?? '' } : await this.#observer.confirm(guest);
    this.#say({ kind: 'confirmed', ask, reading, status: this.#status() });
  }

  async #forget({ ask, addresses, before }: ToCollector & { readonly kind: 'forget' }): Promise<void> {
    await this.#tried.promise;
    try {
      if (this.#observer === null) throw new TableError(this.#refused ?? '');
      await this.#observer.forget(addresses, before);
      this.#say({ kind: 'forgotten', ask, error: null });
    } catch (error) {
      this.#say({ kind: 'forgotten', ask, error: sentenceOf(error) });
    }
  }

  /** It counts as told from here on; null for one that is not watched any more, or was not read yet. */
  #readingOf(guest: WatchedGuest): WatchReading | null {
    guest.wasTold();
    const watch = this.#numbers.get(guest);
    const { since, connections } = guest;
    return watch === undefined || since === null ? null : { watch, connections, since, listed: guest.listed() };
  }

  #status(): ObserverStatus {
    if (this.#observer === null) return unreadStatus('unsupported', this.#refused);
    const status = this.#observer.status();
    return { ...status, error: status.error ?? this.#refused };
  }

  #say(message: FromCollector): void {
    this.#options.send(message, () => undefined);
  }
}
