import { randomBytes } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { monotonicFactory } from 'ulid';
import type { CancelTimer, Clock, Random } from './contracts/clock.ts';

/** setTimeout keeps its delay in an int32; longer waits are cut into chunks of this length. */
const TIMER_CHUNK_MAX_MS = 2 ** 30;

function startTimer(delayMs: number, callback: () => void): CancelTimer {
  let remainingMs = Math.max(0, delayMs);
  let handle: NodeJS.Timeout | undefined;
  const arm = (): void => {
    const chunkMs = Math.min(remainingMs, TIMER_CHUNK_MAX_MS);
    remainingMs -= chunkMs;
    handle = setTimeout(remainingMs > 0 ? arm : callback, chunkMs);
  };
  arm();
  return () => clearTimeout(handle);
}

/** `sleep` of a clock, made of its `after`. */
export function sleepOn(clock: Pick<Clock, 'after'>, delayMs: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve(false);
    const onAbort = (): void => {
      cancel();
      resolve(false);
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve(true);
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The machine's own clock. `offsetMs` shifts the wall clock: the tests' way of stepping it. */
export function systemClock(offsetMs: () => number = () => 0): Clock {
  const clock: Clock = {
    now: () => Date.now() + offsetMs(),
    monotonic: () => performance.now(),
    after: startTimer,
    sleep: (delayMs, signal) => sleepOn(clock, delayMs, signal),
    turn: () => new Promise((resolve) => setImmediate(resolve)),
  };
  return clock;
}

interface SimulatedTimer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Rounds of the event loop after which simulated work that needs no time is taken to be done. */
const SETTLE_TURNS = 12;

/** Time that moves only when told to. Timers fire in order of their due time, then of their creation. */
export class SimulatedClock implements Clock {
  #wallMs: number;
  #elapsedMs = 0;
  #order = 0;
  #timers: SimulatedTimer[] = [];

  constructor(startMs: number) {
    this.#wallMs = startMs;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, callback: () => void): CancelTimer {
    const timer = { due: this.#elapsedMs + Math.max(0, delayMs), order: this.#order++, callback };
    let index = this.#timers.length;
    while (index > 0 && this.#timers[index - 1]!.due > timer.due) index -= 1;
    this.#timers.splice(index, 0, timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<boolean> {
    return sleepOn(this, delayMs, signal);
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets everything that needs no time happen. */
  async settle(): Promise<void> {
    for (let i = 0; i < SETTLE_TURNS; i++) await this.turn();
  }

  /** Moves time forward, firing each timer at its instant and settling after each instant. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#elapsedMs + byMs;
    await this.settle();
    for (let next = this.#timers[0]; next !== undefined && next.due <= endMs; next = this.#timers[0]) {
      this.#moveTo(Math.max(next.due, this.#elapsedMs));
      while (this.#timers[0] !== undefined && this.#timers[0].due <= this.#elapsedMs) this.#timers.shift()!.callback();
      await this.settle();
    }
    this.#moveTo(endMs);
  }

  /** Steps the wall clock alone, as an operator or NTP does: monotonic time and timers are unmoved. */
  step(byMs: number): void {
    this.#wallMs += byMs;
  }

  /** Time goes by without this process, as while it is stopped: what becomes due meanwhile fires late, at the next advance. */
  stall(byMs: number): void {
    this.#moveTo(this.#elapsedMs + byMs);
  }

  /** When the next timer is due, in ms from now; null when none is armed. */
  nextTimerInMs(): number | null {
    return this.#timers[0] === undefined ? null : this.#timers[0].due - this.#elapsedMs;
  }

  #moveTo(elapsedMs: number): void {
    this.#wallMs += elapsedMs - this.#elapsedMs;
    this.#elapsedMs = elapsedMs;
  }
}

/** Random bytes fetched at a time for ids: one call for each of an id's 16 characters costs more than the id. */
const POOL_BYTES = 4_096;
const BYTE_VALUES = 256;

function pooledDraw(): () => number {
  let pool = randomBytes(POOL_BYTES);
  let at = 0;
  return () => {
    if (at === pool.length) {
      pool = randomBytes(POOL_BYTES);
      at = 0;
    }
    return pool[at++]! / BYTE_VALUES;
  };
}

/** Ids and secrets from the machine's own randomness. */
export function systemRandom(): Random {
  const next = monotonicFactory(pooledDraw());
  return { id: () => next().toLowerCase(), hex: (bytes) => randomBytes(bytes).toString('hex') };
}

/** The same ids in every run of one seed, made at the given clock's times. */
export function seededRandom(seed: number, clock: Clock): Random {
  const generator = xoroshiro128plus(seed);
  const draw = (): number => uniformFloat64(generator);
  const next = monotonicFactory(draw);
  const byte = (): string => uniformInt(generator, 0, 255).toString(16).padStart(2, '0');
  return { id: () => next(clock.now()).toLowerCase(), hex: (bytes) => Array.from({ length: bytes }, byte).join('') };
}
