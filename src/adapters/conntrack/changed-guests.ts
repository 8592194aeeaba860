import type { CancelTimer, Clock } from '../../actors/contracts/clock.ts';
import type { WatchedGuest } from './watched-guest.ts';

/** How long changes that are no edge are gathered. */
const GATHER_MS = 100;

/** Watched guests of which something has changed since it was told: edges are told at once, all else is gathered. */
export class ChangedGuests {
  readonly #clock: Clock;
  readonly #tell: (guests: readonly WatchedGuest[]) => void;
  readonly #changed = new Set<WatchedGuest>();
  #cancel: CancelTimer | null = null;

  constructor(clock: Clock, tell: (guests: readonly WatchedGuest[]) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  note(guest: WatchedGuest): void {
    if (guest.changed) this.#changed.add(guest);
  }

  delete(guest: WatchedGuest): void {
    this.#changed.delete(guest);
  }

  /** While nothing is known nothing is told: what changes is told when it is known again. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  tell(): void {
    if (this.#changed.size === 0) return;
    this.#say([...this.#changed].filter((guest) => guest.edge));
    if (this.#changed.size === 0) return;
    this.#cancel ??= this.#clock.after(GATHER_MS, () => {
      this.#cancel = null;
      this.#say([...this.#changed]);
    });
  }

  #say(guests: readonly WatchedGuest[]): void {
    for (const guest of guests) this.#changed.delete(guest);
    if (guests.length > 0) this.#tell(guests);
  }
}
