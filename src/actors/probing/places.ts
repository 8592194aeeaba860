/**
 * How many guests are asked at once. Every question takes a socket, or a turn of a guest's agent, so there is an upper
 * bound. Targets that did not answer the last time may take only a part of the places, and those that were never asked a
 * larger one: however many of them there are, a target that answers finds a place.
 */

/** Questions under way at once. */
export const PROBES_AT_ONCE_MAX = 4_096;
/** Of them, those to targets of which nothing is known yet, or that did not answer the last time. */
export const UNPROVEN_PROBES_AT_ONCE_MAX = 3_072;
/** Of these, those to targets that did not answer the last time: 10,000 asked every 10 s with a timeout of 2 s take 2,000. */
export const SILENT_PROBES_AT_ONCE_MAX = 2_048;

/** What is known of a target; in this order they are served. */
const LANES = ['answering', 'new', 'silent'] as const;
export type Lane = (typeof LANES)[number];

export interface PlaceLimits {
  readonly atOnceMax: number;
  readonly unprovenMax: number;
  readonly silentMax: number;
}

const LIMITS: PlaceLimits = {
  atOnceMax: PROBES_AT_ONCE_MAX,
  unprovenMax: UNPROVEN_PROBES_AT_ONCE_MAX,
  silentMax: SILENT_PROBES_AT_ONCE_MAX,
};

/** Within a lane, who waits for a place gets one in the order in which they came. */
export class Places<Waiting> {
  readonly #limits: PlaceLimits;
  readonly #taken: Record<Lane, number> = { answering: 0, new: 0, silent: 0 };
  readonly #waiting: Record<Lane, Set<Waiting>> = { answering: new Set(), new: new Set(), silent: new Set() };

  constructor(limits: PlaceLimits = LIMITS) {
    this.#limits = limits;
  }

  get taken(): number {
    return this.#taken.answering + this.#unproven;
  }

  get waiting(): number {
    return LANES.reduce((all, lane) => all + this.#waiting[lane].size, 0);
  }

  /** False when there is none: whoever asks waits in line until `next` or `leave`. */
  take(lane: Lane, who: Waiting): boolean {
    if (this.#waiting[lane].size === 0 && this.#isFree(lane)) {
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

  /** Gives a free place to whoever has waited longest for it in the first lane that may have it. */
  next(): Waiting | undefined {
    for (const lane of LANES) {
      if (this.#waiting[lane].size === 0 || !this.#isFree(lane)) continue;
      const [first] = this.#waiting[lane];
      this.#waiting[lane].delete(first!);
      this.#taken[lane] += 1;
      return first;
    }
    return undefined;
  }

  get #unproven(): number {
    return this.#taken.new + this.#taken.silent;
  }

  #isFree(lane: Lane): boolean {
    const { atOnceMax, unprovenMax, silentMax } = this.#limits;
    if (this.taken >= atOnceMax) return false;
    if (lane === 'answering') return true;
    return this.#unproven < unprovenMax && (lane === 'new' || this.#taken.silent < silentMax);
  }
}
