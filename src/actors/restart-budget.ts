import type { Attempt } from '../../machines/context.ts';
import type { Clock } from './contracts/clock.ts';

/**
 * How many automatic restarts the whole host may make in any stretch of time: one that is asked for when they are used
 * up waits until the oldest of them lies that far back. Which ones were made is what the records of the instances say;
 * kept besides is only what was promised to an answer that is under way. Time is counted by the clock that nobody sets:
 * after a start of the daemon, from how long ago each restart was by the wall clock, and never as in the future.
 */

export interface RestartLimit {
  readonly restarts: number;
  readonly per_ms: number;
}

export const RESTARTS_MAX = 10_000;
export const RESTARTS_PER_MIN_MS = 1_000;
export const RESTARTS_PER_MAX_MS = 24 * 3_600_000;

export class RestartBudget {
  readonly limit: RestartLimit | null;
  readonly #clock: Clock;
  /** When each restart was made, the oldest first. */
  readonly #made: number[] = [];
  /** Grants under way for one instance: it takes its place once. */
  readonly #promised = new Map<string, number>();

  constructor(limit: RestartLimit | null, clock: Clock) {
    this.limit = limit;
    this.#clock = clock;
  }

  get used(): number {
    this.#forget();
    return this.#made.length + this.#promised.size;
  }

  free(): number {
    return this.limit === null ? Number.POSITIVE_INFINITY : this.limit.restarts - this.used;
  }

  /** Keeps one for an instance until `settle`, or until its record says that it was made. */
  promise(id: string): void {
    if (this.limit !== null) this.#promised.set(id, (this.#promised.get(id) ?? 0) + 1);
  }

  isPromised(id: string): boolean {
    return this.#promised.has(id);
  }

  settle(id: string): void {
    const promised = this.#promised.get(id) ?? 0;
    if (promised > 1) this.#promised.set(id, promised - 1);
    else this.#promised.delete(id);
  }

  /** A restart was made: its record is durable just now. */
  made(id: string): void {
    if (this.limit === null) return;
    this.#promised.delete(id);
    this.#made.push(this.#clock.monotonic());
  }

  /** Restarts of one instance that were made before this process began. */
  recall(attempts: readonly Pick<Attempt, 'at'>[]): void {
    const [now, wall] = [this.#clock.monotonic(), this.#clock.now()];
    for (const { at } of attempts) if (this.#counts(at)) this.#made.push(now - Math.max(0, wall - at));
    this.#made.sort((a, b) => a - b);
  }

  /** Since when (epoch ms) restarts count; null while none does. */
  since(): number | null {
    return this.limit === null ? null : this.#clock.now() - this.limit.per_ms;
  }

  /** In how many ms whoever has `ahead` others before it may expect its turn, if all of them take theirs. */
  turnInMs(ahead: number): number {
    if (this.limit === null) return 0;
    const { restarts, per_ms } = this.limit;
    const place = ahead - this.free();
    if (place < 0) return 0;
    const now = this.#clock.monotonic();
    const places = Math.max(restarts, this.#made.length);
    const freed = (this.#made[place % places] ?? now) + per_ms;
    return Math.max(0, freed - now) + per_ms * Math.floor(place / places);
  }

  #counts(at: number): boolean {
    const since = this.since();
    return since !== null && at > since;
  }

  /** Whatever lies far enough back does not count any more. */
  #forget(): void {
    if (this.limit === null) return;
    const before = this.#clock.monotonic() - this.limit.per_ms;
    let gone = 0;
    while (gone < this.#made.length && this.#made[gone]! <= before) gone += 1;
    if (gone > 0) this.#made.splice(0, gone);
  }
}
