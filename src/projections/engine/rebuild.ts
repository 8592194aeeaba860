import type { Clock } from '../../actors/contracts/clock.ts';
import type { Log, LogEntry, Position } from '../../actors/contracts/log.ts';
import { LogReader } from './log-reader.ts';
import type { ParkedRecords } from './parked-records.ts';
import type { Recorded } from './projection.ts';

/** Records published while the log is being read that are kept for the end of it; past it the log is read on instead. */
export const LATE_MAX = 10_000;

/** What is being filled beside a running projection. */
export interface Shadow {
  /** Records up to here are none of its business. */
  readonly after: Position | null;
  readonly parked: ParkedRecords;
  readonly take: (recorded: Recorded) => void;
}

export interface RebuildOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly shadows: readonly Shadow[];
}

/**
 * Fills shadows from the log while records go on being published. Positions are those of one total order, and a pass
 * takes in everything up to the last position it has read: what was published meanwhile at or before that position is
 * there already, and what was published after it is kept and taken in at the end. So there is no gap and no repeat.
 */
export class Rebuild {
  readonly #options: RebuildOptions;
  readonly #reader: LogReader;
  #late: Recorded[] = [];
  #overflowed = false;
  #readUpTo: Position | null;
  #readAt: number | null = null;

  constructor(options: RebuildOptions) {
    this.#options = options;
    this.#readUpTo = earliest(options.shadows.map(({ after }) => after));
    this.#reader = new LogReader({
      ...options,
      onUnreadable: (entry, error) => this.#park(entry, error),
      take: (recorded) => this.#take(recorded),
    });
  }

  /** Everything up to this position has been taken in. */
  get readUpTo(): Position | null {
    return this.#readUpTo;
  }

  /** `at` of the last record taken in; null before the first. */
  get readAt(): number | null {
    return this.#readAt;
  }

  /** A record that is published while the log is being read. */
  note(recorded: Recorded): void {
    if (this.#late.length < LATE_MAX) this.#late.push(recorded);
    else this.#overflowed = true;
  }

  /** Calls `switchOver` in the very moment in which the shadows hold all that was published; never when it was ended. */
  async run(switchOver: () => void): Promise<void> {
    do {
      this.#late = [];
      this.#overflowed = false;
      this.#readUpTo = await this.#reader.pass(this.#readUpTo);
      if (this.#options.signal.aborted) return;
    } while (this.#overflowed);
    const readUpTo = this.#readUpTo ?? '';
    for (const recorded of this.#late) if (recorded.position > readUpTo) this.#take(recorded);
    switchOver();
  }

  #take(recorded: Recorded): void {
    this.#readAt = recorded.record.at;
    for (const { after, take } of this.#options.shadows) if (recorded.position > (after ?? '')) take(recorded);
  }

  #park(entry: LogEntry, error: unknown): void {
    for (const { after, parked } of this.#options.shadows) if (entry.position > (after ?? '')) parked.add(entry, error);
  }
}

/** Null: from the beginning. */
function earliest(positions: readonly (Position | null)[]): Position | null {
  return positions.includes(null) ? null : ([...positions].sort()[0] ?? null);
}
