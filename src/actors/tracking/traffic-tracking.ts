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
  /** Somebody came and went between two readings, then: epoch ms, told of once. */
  #spokenToAt = Number.NEGATIVE_INFINITY;
  /** Since when it was idle when this began: the record knows more than a source that has just been opened. Until somebody comes. */
  #idleBefore: number | null;
  #stopped = false;
  reading: ActivityReading | null = null;

  constructor(options: TrackingOptions, guest: TrackedGuest, begun: ChartSnapshot) {
    this.#options = options;
    this.#guest = guest;
    this.#snapshot = begun;
    this.#idleBefore = begun.context.standby.idle_since;
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
    const spokenToAt = cameAndWent(this.reading, reading);
    this.#spokenToAt = spokenToAt ?? this.#spokenToAt;
    const isStillIdle = reading.observer === 'in_order' && reading.connections === 0 && spokenToAt === null;
    if (!isStillIdle) this.#idleBefore = null;
    this.reading = reading;
    this.#say();
  }

  #say(): void {
    const { clock, deliver } = this.#options;
    if (this.reading === null) return;
    const { run } = this.#guest;
    const known = { run, idleBefore: this.#idleBefore, spokenToAt: this.#spokenToAt, now: clock.now() };
    const event = eventOf(this.reading, known, this.#snapshot);
    if (event === null) return;
    if (event.type === 'traffic.idle' && this.#waits()) return;
    if (event.type === 'traffic.active') {
      this.#activeEdgeAt = clock.monotonic();
      this.#spokenToAt = Number.NEGATIVE_INFINITY;
    }
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

/** A connection that was opened and closed before anybody was told of it: nobody is there, as before, but since later. */
function cameAndWent(before: ActivityReading | null, reading: ActivityReading): number | null {
  if (before?.observer !== 'in_order' || reading.observer !== 'in_order') return null;
  const nobody = before.connections === 0 && reading.connections === 0;
  return nobody && reading.since > before.since ? reading.since : null;
}

interface Known {
  readonly run: number;
  readonly idleBefore: number | null;
  readonly spokenToAt: number;
  readonly now: number;
}

/** What a reading tells a chart that stands where this one does; null when it knows already. */
function eventOf(
  reading: ActivityReading,
  { run, idleBefore, spokenToAt, now }: Known,
  { value, context }: ChartSnapshot,
): Unstamped<ObservationEvent> | null {
  const state = stateOf(value, 'standby');
  const { observer, idle_since } = context.standby;
  if (reading.observer === 'lost') {
    return state === 'blind' ? null : { type: 'observer.lost', error: safeSentence(reading.error) };
  }
  if (observer === 'lost') return { type: 'observer.restored' };
  const { connections, since } = reading;
  if (state === 'active') {
    const idleSince = Math.min(instant(since), idleBefore ?? now, now);
    return connections > 0 ? null : { type: 'traffic.idle', run, since: idleSince };
  }
  if (connections > 0) return { type: 'traffic.active', run, connections };
  // Idle, but not for as long as the chart believes: it begins anew.
  return instant(spokenToAt) > (idle_since ?? 0) ? { type: 'traffic.active', run, connections: 1 } : null;
}

/** Records hold whole milliseconds, and an event that is refused for a fraction of one would keep its guest awake. */
function instant(ms: number): number {
  return Math.max(0, Math.floor(ms));
}
