import { createAdvance } from '../../actors/contracts/advance.ts';
import type { CancelTimer, Clock } from '../../actors/contracts/clock.ts';
import type { Position } from '../../actors/contracts/log.ts';
import { LogUnavailableError } from '../../actors/contracts/log-error.ts';
import type { ReadableLog } from './readable-log.ts';
import { type FeedRecord, feedRecord, RecordRing } from './record-ring.ts';

/** A follower's share of the subscription. */
export interface TailShare {
  /** The first records after a position; null when the log has to be read for them. Throws what ended the subscription. */
  after(position: Position | null, limit: number): readonly FeedRecord[] | null;
  /** Grows whenever there is something to look at. */
  mark(): number;
  /** Until the mark has passed `seen` or the signal fires. */
  wait(seen: number, signal: AbortSignal): Promise<void>;
  /** Idempotent. */
  leave(): void;
}

export interface SharedTail {
  join(): Promise<TailShare>;
  readonly followers: () => number;
  /** Ends every share. Idempotent. */
  close(): void;
}

/**
 * One subscription to the log for all followers. It begins with the first of them and ends with the last. All are woken
 * every `wakeMs` too, so that they need no timers of their own.
 */
export function createSharedTail(log: ReadableLog, clock: Clock, wakeMs: number): SharedTail {
  let running: Promise<RunningTail> | null = null;
  let followers = 0;
  let isClosed = false;

  const begin = (): Promise<RunningTail> => {
    const onEnd = (): void => {
      if (running === tail) running = null;
    };
    const tail = log.extent().then(({ last }) => new RunningTail(log, clock, { after: last, wakeMs, onEnd }));
    return tail;
  };
  const end = (): void => {
    const closed = new LogUnavailableError('the feed is closed');
    running?.then((tail) => tail.end(closed)).catch(() => {});
    running = null;
  };
  const leave = (): void => {
    followers -= 1;
    if (followers === 0) end();
  };
  return {
    followers: () => followers,
    async join() {
      if (isClosed) throw new LogUnavailableError('the feed is closed');
      followers += 1;
      running ??= begin();
      try {
        return shareOf(await running, leave);
      } catch (error) {
        running = null;
        leave();
        throw error;
      }
    },
    close: () => {
      isClosed = true;
      end();
    },
  };
}

function shareOf(tail: RunningTail, leave: () => void): TailShare {
  let isHere = true;
  return {
    after: (position, limit) => tail.after(position, limit),
    mark: () => tail.advance.mark(),
    wait: (seen, signal) => tail.advance.wait(seen, signal),
    leave: () => {
      if (isHere) leave();
      isHere = false;
    },
  };
}

class RunningTail {
  readonly advance = createAdvance();
  readonly #ring: RecordRing;
  readonly #stop = new AbortController();
  #failure: unknown = null;
  #cancelWake: CancelTimer = () => {};

  constructor(log: ReadableLog, clock: Clock, about: { after: Position | null; wakeMs: number; onEnd: () => void }) {
    this.#ring = new RecordRing(about.after);
    const wakeLater = (): void => {
      this.#cancelWake = clock.after(about.wakeMs, () => {
        this.advance.advance();
        wakeLater();
      });
    };
    wakeLater();
    this.#fill(log, about.after)
      .catch((error: unknown) => this.end(error))
      .finally(about.onEnd);
  }

  after(position: Position | null, limit: number): readonly FeedRecord[] | null {
    if (this.#failure !== null) throw this.#failure;
    return this.#ring.after(position, limit);
  }

  end(reason: unknown): void {
    this.#failure ??= reason;
    this.#cancelWake();
    this.#stop.abort();
    this.advance.end();
  }

  async #fill(log: ReadableLog, after: Position | null): Promise<void> {
    for await (const entry of log.subscribe(after, this.#stop.signal)) {
      this.#ring.push(feedRecord(entry));
      this.advance.advance();
    }
    this.end(new LogUnavailableError('the log has ended'));
  }
}
