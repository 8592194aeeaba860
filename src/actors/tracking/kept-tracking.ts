import type { ActivityReading, ActivitySource, ObserverStatus, TrackedGuest } from '../contracts/activity.ts';
import type { CancelTimer, Clock } from '../contracts/clock.ts';
import type { Network, Tracking } from '../contracts/network.ts';

/**
 * A table of connections says nothing about those that the kernel was not told to track. So before the table is read
 * for a guest that is to be put away, and every TRACKING_LOOK_MS, it is made sure that the kernel still tracks; where it
 * did not, nothing is known of what was opened meanwhile, and nobody is put away for what the table lacks.
 */

/** How often it is looked whether the kernel still tracks the connections of guests. */
export const TRACKING_LOOK_MS = 60_000;

interface Watch {
  readonly tell: (reading: ActivityReading) => void;
  newest: ActivityReading | null;
}

export function onlyWhileTracked(
  source: ActivitySource,
  network: Pick<Network, 'keepTracking'>,
  clock: Clock,
): ActivitySource {
  return new KeptTracking(source, network, clock);
}

class KeptTracking implements ActivitySource {
  readonly #source: ActivitySource;
  readonly #keep: () => Promise<Tracking>;
  readonly #clock: Clock;
  readonly #watches = new Set<Watch>();
  /** Why connections may go unseen; null while the kernel tracks them. */
  #blind: string | null = null;
  #cancelLook: CancelTimer = () => {};
  #closed = false;

  constructor(source: ActivitySource, network: Pick<Network, 'keepTracking'>, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
    this.#keep = shared(() => network.keepTracking());
    this.#lookLater();
  }

  watch(guest: TrackedGuest, tell: (reading: ActivityReading) => void): () => void {
    const watch: Watch = { tell, newest: null };
    const stop = this.#source.watch(guest, (reading) => {
      watch.newest = reading;
      if (this.#blind === null) tell(reading);
    });
    this.#watches.add(watch);
    const blind = this.#blind;
    if (blind !== null) tell({ observer: 'lost', error: blind });
    return () => {
      this.#watches.delete(watch);
      stop();
    };
  }

  async confirm(guest: TrackedGuest): Promise<ActivityReading> {
    const error = await this.#look();
    return error === null ? this.#source.confirm(guest) : { observer: 'lost', error };
  }

  connectionsOf: ActivitySource['connectionsOf'] = (instance) => this.#source.connectionsOf(instance);

  status(): ObserverStatus {
    const status = this.#source.status();
    return this.#blind === null || status.state !== 'in_order'
      ? status
      : { ...status, state: 'lost', error: this.#blind };
  }

  forget: ActivitySource['forget'] = (addresses, before) => this.#source.forget(addresses, before);

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelLook();
    this.#watches.clear();
    await this.#source.close();
  }

  /** Why what the table lacks cannot be believed; null when it can. */
  async #look(): Promise<string | null> {
    const kept = await this.#keep().catch((error: unknown) => ({ error: { message: String(error) } }));
    if ('error' in kept) {
      this.#become(`connections of guests are not tracked: ${kept.error.message}`);
      return this.#blind;
    }
    const repaired = kept.tracking === 'repaired';
    const error = 'connections of guests were not tracked for a while';
    if (repaired) this.#become(error);
    this.#become(null);
    return repaired ? error : null;
  }

  #become(blind: string | null): void {
    if (this.#blind === blind || this.#closed) return;
    this.#blind = blind;
    for (const { tell, newest } of this.#watches) {
      if (blind !== null) tell({ observer: 'lost', error: blind });
      else if (newest !== null) tell(this.#asOfNow(newest));
    }
  }

  /** Who came and went unseen is not known: from now on it is idle, if it is. */
  #asOfNow(reading: ActivityReading): ActivityReading {
    const isIdle = reading.observer === 'in_order' && reading.connections === 0;
    return isIdle ? { ...reading, since: this.#clock.now() } : reading;
  }

  #lookLater(): void {
    this.#cancelLook = this.#clock.after(TRACKING_LOOK_MS, () => {
      void this.#look().then(() => {
        if (!this.#closed) this.#lookLater();
      });
    });
  }
}

/** Whoever asks is answered from a call that began after the question; all who ask while one is under way share the next. */
function shared<T>(call: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> | null = null;
  let next: Promise<T> | null = null;
  const begin = (): Promise<T> => {
    next = null;
    const begun = call();
    const ended = begun.then(
      () => {},
      () => {},
    );
    running = ended;
    void ended.then(() => {
      if (running === ended) running = null;
    });
    return begun;
  };
  return () => {
    if (running === null) return begin();
    next ??= running.then(begin);
    return next;
  };
}
