/**
 * How many guests are asked at once. Every question takes a socket, or a turn of a guest's agent, so there is an upper
 * bound; the targets that did not answer the last time may take only a part of it, so that however many of them there
 * are, a target that answers finds a place.
 */

/** Questions under way at once: room for 10,000 guests asked every 10 s that all time out after 4 s. */
export const PROBES_AT_ONCE_MAX = 4_096;
/** Of them, those to targets whose last probe timed out. */
export const SLOW_PROBES_AT_ONCE_MAX = 3_072;

export type Lane = 'prompt' | 'slow';

export interface PlaceLimits {
  readonly atOnceMax: number;
  readonly slowMax: number;
}

/** Who waits for a place is asked in the order in which they came. */
export class Places<Waiting> {
  readonly #limits: PlaceLimits;
  readonly #taken: Record<Lane, number> = { prompt: 0, slow: 0 };
  readonly #waiting: Record<Lane, Set<Waiting>> = { prompt: new Set(), slow: new Set() };

  constructor(limits: PlaceLimits = { atOnceMax: PROBES_AT_ONCE_MAX, slowMax: SLOW_PROBES_AT_ONCE_MAX }) {
    this.#limits = limits;
  }

  get taken(): number {
    return this.#taken.prompt + this.#taken.slow;
  }

  get waiting(): number {
    return this.#waiting.prompt.size + this.#waiting.slow.size;
  }

  /** False when there is none: whoever asks waits in line until `next` or `leave`. */
  take(lane: Lane, who: Waiting): boolean {
    if (this.#waiting[lane].size === 0 && this.#free(lane)) {
      this.#taken[lane] += 1;
      return true;
    }
    this.#waiting[lane].add(who);
    return false;
  }

  release(lane: Lane): void {
    this.#taken[lane] -= 1;
  }

  leave(lane: Lane, who: Waiting): void {
    this.#waiting[lane].delete(who);
  }

  /** Gives the place that is free to whoever has waited longest for it. */
  next(): Waiting | undefined {
    for (const lane of ['prompt', 'slow'] as const) {
      const [first] = this.#waiting[lane];
      if (first === undefined || !this.#free(lane)) continue;
      this.#waiting[lane].delete(first);
      this.#taken[lane] += 1;
      return first;
    }
    return undefined;
  }

  #free(lane: Lane): boolean {
    return this.taken < this.#limits.atOnceMax && (lane === 'prompt' || this.#taken.slow < this.#limits.slowMax);
  }
}
