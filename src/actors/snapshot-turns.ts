import { SNAPSHOT_LATE_MS } from '../../machines/schedule-actions.ts';
import type { HeldInstance } from './admission.ts';
import type { CancelTimer, Clock } from './contracts/clock.ts';
import { type InLine, WaitingLine } from './waiting-line.ts';

/**
 * Minutes for which a snapshot is scheduled and that wait, because as many guests as may be are being written to disk. They
 * are kept in memory only: after a start a minute that no chart has heard is made up for, or told as missed, like any other
 * one. One that has waited for too long is told all the same, so that its chart says that nothing came of it.
 */

/** `since`: the minute itself, so that the order is that of the schedules. */
export interface SnapshotTurn extends InLine {
  readonly name: string;
}

export interface SnapshotTurnsOptions {
  readonly clock: Clock;
  readonly tooLate: (turn: SnapshotTurn) => void;
}

export class SnapshotTurns {
  readonly #options: SnapshotTurnsOptions;
  readonly #line = new WaitingLine<SnapshotTurn>();
  #cancel: CancelTimer | null = null;

  constructor(options: SnapshotTurnsOptions) {
    this.#options = options;
  }

  first(): SnapshotTurn | undefined {
    return this.#line.first();
  }

  countBefore(place: InLine): number {
    return this.#line.countBefore(place);
  }

  add(turn: SnapshotTurn): void {
    this.#line.add(turn);
    // An earlier minute than that of whoever waits already is made up for: its time is over first.
    if (this.#line.first() === turn) this.close();
    this.#arm();
  }

  remove(turn: SnapshotTurn): void {
    this.#line.remove(turn);
  }

  /** The instance is gone. */
  forget(id: string): void {
    for (const turn of this.#line.all()) if (turn.id === id) this.#line.remove(turn);
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  /** In their order; each is told at its `retry_at` whether there is a place or not. */
  held(): HeldInstance[] {
    return this.#line.all().map(({ id, name, since }) => {
      return { id, name, purpose: 'snapshot', reason: 'standby_slots', retry_at: since + SNAPSHOT_LATE_MS };
    });
  }

  /** One timer, for the longest waiting: it is looked at again where its turn has come meanwhile. */
  #arm(): void {
    const first = this.#line.first();
    if (this.#cancel !== null || first === undefined) return;
    const { clock } = this.#options;
    this.#cancel = clock.after(Math.max(1, first.since + SNAPSHOT_LATE_MS - clock.now()), () => {
      this.#cancel = null;
      this.#tellLate();
      this.#arm();
    });
  }

  #tellLate(): void {
    const { clock, tooLate } = this.#options;
    for (let turn = this.#line.first(); turn !== undefined; turn = this.#line.first()) {
      if (clock.now() < turn.since + SNAPSHOT_LATE_MS) return;
      this.#line.remove(turn);
      tooLate(turn);
    }
  }
}
