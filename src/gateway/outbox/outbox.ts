import type { Clock } from '../../actors/contracts/clock.ts';
import type { Log, Position } from '../../actors/contracts/log.ts';
import type { Cursor, CursorStore } from './cursor-store.ts';
import { DeliveryWindow } from './delivery-window.ts';
import type { Destination } from './destination.ts';

/**
 * Brings every record to a destination, in the order of the log, at least once: it reads the log from a cursor of its
 * own and moves it when a record is there. Nothing waits for it: a destination that is slow, full or away only makes the
 * lag grow, and the log keeps what has not been brought.
 */

/** All of the log that an outbox may touch. */
export type OutboxLog = Pick<Log, 'subscribe' | 'extent' | 'readAll'>;

export interface OutboxOptions {
  readonly log: OutboxLog;
  readonly destination: Destination;
  readonly store: CursorStore;
  readonly clock: Clock;
  /** Where to begin when there is no cursor yet. After one that is damaged: with the first record, in any case. */
  readonly begin: 'with_the_first_record' | 'after_the_last_record';
  /** Hears of trouble once, and of its end. */
  readonly tell: (line: string) => void;
  /** What it is called in such a line. */
  readonly name: string;
}

export interface OutboxStatus {
  /** Position of the last record that is there; null before the first. */
  readonly cursor: Position | null;
  readonly lag: {
    /** Records that are not there yet, at most; null while nobody knows. */
    readonly records: number | null;
    /** How old the oldest of them is. */
    readonly age_ms: number;
  };
  readonly last_error: string | null;
  /** Set when retention removed records before they were brought: everything up to this position may lack some. */
  readonly incomplete_up_to: Position | null;
}

export interface Outbox {
  status(): OutboxStatus;
  /** Keeps the cursor and ends. Idempotent. */
  close(): Promise<void>;
}

/** How often the cursor is kept and the lag measured. */
export const OUTBOX_BEAT_MS = 1_000;
/** Before a destination that failed is tried again; doubles until it takes a record. */
export const OUTBOX_RETRY_MIN_MS = 100;
export const OUTBOX_RETRY_MAX_MS = 5_000;

/** Rather twice than not at all. */
const AGAIN = 'everything that the log still has is brought once more.';

export function createOutbox(options: OutboxOptions): Outbox {
  return new LogOutbox(options);
}

class LogOutbox implements Outbox {
  readonly #options: OutboxOptions;
  readonly #closing = new AbortController();
  readonly #running: Promise<unknown>;
  #cursor: Cursor = { position: null, memo: null };
  #kept: Cursor | null = null;
  /** Undefined until the log was asked. */
  #last: Position | null | undefined;
  #oldest: { readonly after: Position | null; readonly at: number } | null = null;
  #incompleteUpTo: Position | null = null;
  #lastError: string | null = null;
  #troubled = false;
  #retryMs = OUTBOX_RETRY_MIN_MS;
  #keepNow = new AbortController();

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  status(): OutboxStatus {
    const { position } = this.#cursor;
    const behind = this.#oldest !== null && this.#oldest.after === position ? this.#oldest.at : null;
    return {
      cursor: position,
      lag: {
        records: this.#last === undefined ? null : recordsBetween(position, this.#last),
        age_ms: behind === null ? 0 : Math.max(0, this.#options.clock.now() - behind),
      },
      last_error: this.#lastError,
      incomplete_up_to: this.#incompleteUpTo,
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted && !(await this.#begin())) await this.#pause();
    const beating = this.#beat();
    while (!signal.aborted) {
      await this.#round().catch((error: unknown) => this.#fail(error));
      if (!signal.aborted) await this.#pause();
    }
    await beating;
    await this.#keep();
  }

  /** Finds the cursor; false when the log or the store did not answer. */
  async #begin(): Promise<boolean> {
    const { log, store, begin, name, tell } = this.#options;
    try {
      const [kept, { last }] = await Promise.all([store.read(), log.extent()]);
      // A cursor past the end is that of another log.
      const known = typeof kept === 'object' && (kept.position ?? '') <= (last ?? '') ? kept : null;
      if (known !== null) this.#cursor = known;
      else if (kept === 'damaged') tell(`${name}: its cursor cannot be understood; ${AGAIN}`);
      else if (begin === 'after_the_last_record') this.#cursor = { position: last, memo: null };
      this.#kept = known;
      this.#last = last;
      await this.#keep();
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  /** From opening the destination to its first failure, or the end. */
  async #round(): Promise<void> {
    const { log, destination } = this.#options;
    const failed = new AbortController();
    const signal = AbortSignal.any([this.#closing.signal, failed.signal]);
    this.#cursor = await unlessAborted(destination.open(this.#cursor), this.#closing.signal);
    await this.#measure();
    const window = new DeliveryWindow(
      destination.window,
      (position, { memo, keep }) => {
        this.#cursor = { position, memo };
        this.#recover();
        if (keep) this.#keepNow.abort();
      },
      () => failed.abort(),
    );
    const giveUp = (): void => window.giveUp();
    this.#closing.signal.addEventListener('abort', giveUp, { once: true });
    try {
      for await (const entry of log.subscribe(this.#cursor.position, signal)) {
        if (entry.position > (this.#last ?? '')) this.#last = entry.position;
        window.add(entry.position, destination.deliver(entry, signal));
        await window.room();
      }
      await window.settled();
    } finally {
      failed.abort();
      this.#closing.signal.removeEventListener('abort', giveUp);
    }
  }

  async #beat(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await clock.sleep(OUTBOX_BEAT_MS, AbortSignal.any([signal, this.#keepNow.signal]));
      if (this.#keepNow.signal.aborted) this.#keepNow = new AbortController();
      await this.#keep();
      await this.#measure().catch((error: unknown) => this.#fail(error));
    }
  }

  async #keep(): Promise<void> {
    const cursor = this.#cursor;
    if (cursor === this.#kept) return;
    try {
      await this.#options.store.write(cursor);
      this.#kept = cursor;
    } catch (error) {
      // What is brought again after a crash is the price; bringing goes on.
      this.#lastError = `the cursor could not be kept: ${messageOf(error)}`;
    }
  }

  /** Looks how far the log is, what of it is gone, and how old the oldest record is that is not there yet. */
  async #measure(): Promise<void> {
    const { log } = this.#options;
    const { position } = this.#cursor;
    const { last, completeAfter } = await log.extent();
    this.#last = last;
    if (completeAfter !== null && (position ?? '') < completeAfter) this.#incompleteUpTo = completeAfter;
    if (last === null || last === position || this.#oldest?.after === position) return;
    for await (const { bytes } of log.readAll(position, 1)) {
      this.#oldest = { after: position, at: timeIn(bytes) ?? this.#options.clock.now() };
      return;
    }
  }

  async #pause(): Promise<void> {
    await this.#options.clock.sleep(this.#retryMs, this.#closing.signal);
    this.#retryMs = Math.min(this.#retryMs * 2, OUTBOX_RETRY_MAX_MS);
  }

  #fail(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#lastError = messageOf(error);
    if (!this.#troubled) this.#options.tell(`${this.#options.name}: ${this.#lastError}; it is tried again.`);
    this.#troubled = true;
  }

  #recover(): void {
    this.#retryMs = OUTBOX_RETRY_MIN_MS;
    if (!this.#troubled) return;
    this.#troubled = false;
    this.#options.tell(`${this.#options.name}: goes on.`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Positions are numbers of records in the logs there are; elsewhere nobody knows. */
function recordsBetween(cursor: Position | null, last: Position | null): number | null {
  const [from, to] = [Number(cursor ?? 0), Number(last ?? 0)];
  return Number.isSafeInteger(from) && Number.isSafeInteger(to) ? Math.max(0, to - from) : null;
}

function timeIn(bytes: string): number | null {
  try {
    const { at } = JSON.parse(bytes) as { at?: unknown };
    return typeof at === 'number' ? at : null;
  } catch {
    return null;
  }
}

/** The same, except that it rejects at once when nobody waits for it any more. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new Error('given up'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
