import type { ObserverStatus } from '../../actors/contracts/activity.ts';
import type { FromCollector, WatchReading } from './messages.ts';

/** Readings in one message, so that taking it keeps the daemon from nothing else for long. */
export const READINGS_AT_ONCE_MAX = 128;

export interface UntoldOptions<Guest> {
  /** Calls back when the message has left. */
  readonly send: (message: FromCollector, sent: () => void) => void;
  readonly status: () => ObserverStatus;
  /** As it is now; null when there is nothing to tell of it. */
  readonly readingOf: (guest: Guest) => WatchReading | null;
}

/**
 * What the daemon is told without having asked, one message at a time: of a daemon that is stopped, or held up, nothing piles
 * up in front of it, and when it reads on it is told what is so then. A loss comes before all that was read after it.
 */
export class Untold<Guest> {
  readonly #options: UntoldOptions<Guest>;
  readonly #guests = new Set<Guest>();
  #loss: string | null = null;
  #isStatusDue = false;
  #isUnderWay = false;

  constructor(options: UntoldOptions<Guest>) {
    this.#options = options;
  }

  /** What was read before it is not told any more. */
  lost(error: string): void {
    this.#guests.clear();
    this.#loss = error;
    this.#tell();
  }

  changed(guests: Iterable<Guest>): void {
    for (const guest of guests) this.#guests.add(guest);
    this.#tell();
  }

  unwatched(guest: Guest): void {
    this.#guests.delete(guest);
  }

  statusDue(): void {
    this.#isStatusDue = true;
    this.#tell();
  }

  #tell(): void {
    if (this.#isUnderWay) return;
    const message = this.#next();
    if (message === null) return;
    this.#isUnderWay = true;
    this.#options.send(message, () => {
      this.#isUnderWay = false;
      this.#tell();
    });
  }

  #next(): FromCollector | null {
    const error = this.#loss;
    if (error !== null) {
      this.#loss = null;
      return { kind: 'lost', error, status: this.#options.status() };
    }
    const readings = this.#takeReadings();
    if (readings.length > 0) return { kind: 'readings', readings, status: this.#options.status() };
    if (!this.#isStatusDue) return null;
    this.#isStatusDue = false;
    return { kind: 'status', status: this.#options.status() };
  }

  /** As many as one message takes. */
  #takeReadings(): WatchReading[] {
    const readings: WatchReading[] = [];
    for (const guest of this.#guests) {
      if (readings.length === READINGS_AT_ONCE_MAX) break;
      this.#guests.delete(guest);
      const reading = this.#options.readingOf(guest);
      if (reading !== null) readings.push(reading);
    }
    return readings;
  }
}
