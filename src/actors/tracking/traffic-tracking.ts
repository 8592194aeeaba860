import type { ObservationEvent, Unstamped } from '../../../machines/events.ts';
import { stateOf } from '../../../machines/public-states.ts';
import type { ChartSnapshot } from '../../../machines/step.ts';
import type { ActivityReading, ActivitySource, TrackedGuest } from '../contracts/activity.ts';
import type { CancelTimer, Clock } from '../contracts/clock.ts';
import { safeSentence } from '../contracts/safe-sentence.ts';

/**
 * The traffic of one guest on its way into its chart. That somebody talks to it is told at once. That nobody does is
 * told at once, too, unless somebody began to less than IDLE_EDGE_SETTLE_MS ago: then it waits until so long afterwards
 * and is told only if it is still so, with the instant since when. So a client that opens one short connection after
 * the other has at most one pair of records written in that time, and the countdown loses nothing by it.
 */

export const IDLE_EDGE_SETTLE_MS = 5_000;
/** A source that cannot even be asked to watch a guest is asked again so often; meanwhile the guest stays awake. */
export const WATCH_RETRY_MS = 5_000;

export interface TrackingOptions {
  readonly clock: Clock;
  readonly activity: ActivitySource;
  readonly deliver: (instance: string, event: Unstamped<ObservationEvent>) => void;
}

export interface TrackedTraffic {
  /** The newest reading; null before the first. */
  readonly reading: () => ActivityReading | null;
  /** Says again what is known, to a state that may not have heard it. */
  readonly repeat: (snapshot: ChartSnapshot) => void;
  readonly stop: () => void;
}

export function trackTraffic(options: TrackingOptions, guest: TrackedGuest, begun: ChartSnapshot): TrackedTraffic {
  const tracking = new Tracking(options, guest, begun);
  tracking.watch();
  return {
    reading: () => tracking.reading,
    repeat: (snapshot) => tracking.repeat(snapshot),
    stop: () => tracking.stop(),
  };
}

/**
 * A guest of which nothing tells who talks to it: one that shares the addresses of its host, or any where nothing watches.
 * It is told so once, like a source that was lost: whoever asks why it is awake shall not hear of a connection.
 */
export function trackUntold(
  deliver: TrackingOptions['deliver'],
  instance: string,
  begun: ChartSnapshot,
): TrackedTraffic {
  const say = ({ value }: ChartSnapshot): void => {
    if (stateOf(value, 'standby') !== 'blind') deliver(instance, { type: 'observer.lost', error: UNTOLD });
  };
  say(begun);
  return { reading: () => null, repeat: say, stop: () => {} };
}

const UNTOLD = 'nothing tells who talks to it, for it has no address of its own, or nothing on this host watches';

class Tracking {
  readonly #options: TrackingOptions;
  readonly #guest: TrackedGuest;
  #snapshot: ChartSnapshot;
  #stopWatching = (): void => {};
  #cancelRetry: CancelTimer = () => {};
  /** Set while an idle edge waits. */
  #cancelWait: CancelTimer | null = null;
  /** When somebody was last told of as beginning to talk to it, by the clock that nobody sets. */
  #activeEdgeAt = Number.NEGATIVE_INFINITY;
  #stopped = false;
  reading: ActivityReading | null = null;

  constructor(options: TrackingOptions, guest: TrackedGuest, begun: ChartSnapshot) {
    this.#options = options;
    this.#guest = guest;
    this.#snapshot = begun;
  }

  /** Whatever is wrong with one guest stays with it: the others are watched all the same. */
  watch(): void {
    const { activity, clock } = this.#options;
    try {
      this.#stopWatching = activity.watch(this.#guest, (reading) => this.#hear(reading));
    } catch (error) {
      this.#hear({ observer: 'lost', error: error instanceof Error ? error.message : String(error) });
      this.#cancelRetry = clock.after(WATCH_RETRY_MS, () => this.watch());
    }
  }

  repeat(snapshot: ChartSnapshot): void {
    this.#snapshot = snapshot;
    this.#say();
  }

  stop(): void {
    this.#stopped = true;
    this.#stopWatching();
    this.#cancelRetry();
    this.#cancelWait?.();
  }

  #hear(reading: ActivityReading): void {
    if (this.#stopped) return;
    this.reading = reading;
    this.#say();
  }

  #say(): void {
    const { clock, deliver } = this.#options;
    const event = this.reading === null ? null : eventOf(this.reading, this.#guest.run, this.#snapshot, clock.now());
    if (event === null) return;
    if (event.type === 'traffic.idle' && this.#waits()) return;
    if (event.type === 'traffic.active') this.#activeEdgeAt = clock.monotonic();
    deliver(this.#guest.instance, event);
  }

  /** Whether an idle edge has to wait; then it is looked again when the time is over. */
  #waits(): boolean {
    const { clock } = this.#options;
    const leftMs = this.#activeEdgeAt + IDLE_EDGE_SETTLE_MS - clock.monotonic();
    if (leftMs <= 0) return false;
    this.#cancelWait ??= clock.after(leftMs, () => {
      this.#cancelWait = null;
      this.#say();
    });
    return true;
  }
}

/** What a reading tells a chart that stands where this one does; null when it knows already. */
function eventOf(
  reading: ActivityReading,
  run: number,
  { value, context }: ChartSnapshot,
  now: number,
): Unstamped<ObservationEvent> | null {
  const state = stateOf(value, 'standby');
  if (reading.observer === 'lost') {
    return state === 'blind' ? null : { type: 'observer.lost', error: safeSentence(reading.error) };
  }
  if (context.standby.observer === 'lost') return { type: 'observer.restored' };
  const { connections, since } = reading;
  if (connections > 0) return state === 'active' ? null : { type: 'traffic.active', run, connections };
  return state === 'active' ? { type: 'traffic.idle', run, since: Math.min(instant(since), now) } : null;
}

/** Records hold whole milliseconds, and an event that is refused for a fraction of one would keep its guest awake. */
function instant(ms: number): number {
  return Math.max(0, Math.floor(ms));
}
