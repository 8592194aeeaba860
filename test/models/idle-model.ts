/**
 * What the reference says of idle guests, in as few words as it takes, written without a look at the chart: when a guest
 * may be put to sleep, and when it has to be. Times are wall-clock ms; the table of connections lives by the monotonic clock, which is
 * `skew` behind.
 *
 * Between "may" and "has to" lies what nobody can know: an event that was lost without a word is found by the next re-check.
 */

export const UDP_QUIET_MS = 30_000;
export const RECHECK_MS = 300_000;
/** A source that was told of a loss reads the table again this often until it can. */
export const RESYNC_MS = 2_000;
/** How soon a step of the wall clock is noticed. */
export const LOOK_MS = 1_000;

export type Told = 'told' | 'lost' | 'overrun';

interface Connection {
  /** Monotonic: the kernel forgets it unless a packet comes; null for one that lasts until it is closed. */
  readonly quietAt: number | null;
  /** The daemon may not know of it before it reads the table. */
  readonly unseen: boolean;
}

export class IdleModel {
  now: number;
  #skew = 0;
  /** The latest the wall clock has ever been: no record is older than the one before it. */
  #floor: number;
  timeoutMs: number;
  vm: 'awake' | 'asleep' = 'awake';
  readonly connections = new Map<string, Connection>();
  holdUntil = 0;
  #dumpsFail = false;
  daemonUp = true;
  /** Since when nobody has talked to it, as far as anybody could have been told: by the wall clock of then, and monotonic. */
  #quietSince: number;
  #quietSinceMonotonic: number;
  /** By when the daemon knows at the latest that it is idle; null: it does not have to. */
  #knownIdleBy: number | null;
  /** Until then it may be believed that somebody talks to it who is gone: that he went was told nobody. Like `#readBy` it goes with the monotonic clock. */
  #ghostUntil = 0;
  /** By when a table that can be read again has been. */
  #readBy = 0;

  constructor(now: number, timeoutMs: number) {
    this.now = now;
    this.#floor = now;
    this.timeoutMs = timeoutMs;
    this.#quietSince = now;
    this.#quietSinceMonotonic = now;
    this.#knownIdleBy = now;
  }

  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const [next] = [...this.connections]
        .flatMap(([key, { quietAt }]) => (quietAt === null ? [] : [{ key, at: quietAt + this.#skew }]))
        .toSorted((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      this.#moveTo(next.at);
      this.#gone(next.key, 'told');
    }
    this.#moveTo(end);
  }

  step(ms: number): void {
    this.#skew += ms;
    this.#ghostUntil += ms;
    this.#readBy += ms;
    this.#moveTo(this.now + ms);
    if (this.#knownIdleBy === null) return;
    // Whoever knows it to be idle since an instant that has yet to come knows it from now on; a wait lasts no shorter for the step.
    const waits = [this.#ghostUntil, this.#readBy].filter((until) => until > this.now);
    this.#knownIdleBy = Math.max(this.#knownIdleBy, this.#floor, ...waits);
  }

  open(key: string, told: Told, lasts: 'until closed' | 'until quiet'): void {
    const known = this.connections.get(key);
    const quietAt = lasts === 'until quiet' ? this.now - this.#skew + UDP_QUIET_MS : null;
    const unseen = known === undefined ? this.#isUnseen(told) : known.unseen;
    this.connections.set(key, { quietAt, unseen });
    this.#knownIdleBy = null;
  }

  close(key: string, told: Told): void {
    if (this.connections.has(key)) this.#gone(key, told);
  }

  /** A loss that the source was told of: whatever it knew it has to read anew. */
  overrun(): void {
    if (this.#knownIdleBy !== null) this.#knownIdleBy = this.#atTheLatest(0);
  }

  hold(ms: number): void {
    this.holdUntil = this.now + ms;
  }

  dumps(fail: boolean): void {
    this.#dumpsFail = fail;
    // What was decided on a table that could not be read was that the idle time begins anew.
    this.#readBy = fail ? 0 : this.now + RESYNC_MS;
    this.#knownIdleBy = fail || this.connections.size > 0 ? null : this.#atTheLatest(RESYNC_MS);
  }

  update(timeoutMs: number): void {
    this.timeoutMs = timeoutMs;
    if (this.#knownIdleBy !== null) this.#knownIdleBy = this.#atTheLatest(0);
  }

  daemon(up: boolean): void {
    this.daemonUp = up;
    if (up && !this.#dumpsFail) {
      for (const [key, connection] of this.connections) this.connections.set(key, { ...connection, unseen: false });
    }
    this.#knownIdleBy = !up || this.connections.size > 0 || this.#dumpsFail ? null : this.#atTheLatest(0);
  }

  /** By hand, or because its time had come. */
  sleep(): void {
    this.vm = 'asleep';
    this.holdUntil = 0;
  }

  wake(): void {
    this.vm = 'awake';
    this.#quietFromNow();
    this.#knownIdleBy = this.connections.size > 0 || this.#dumpsFail ? null : this.#atTheLatest(0);
  }

  /** Why it must not be put to sleep at this instant; null when it may. */
  get mustNotSleep(): string | null {
    if (this.connections.size > 0) return 'somebody talks to it';
    if (this.#dumpsFail) return 'the table cannot be read';
    if (this.now < this.holdUntil) return 'it is held';
    // What is told after the clock was set back is told in its terms: then it has truly been idle for so long.
    const idleMs = Math.max(this.now - this.#quietSince, this.now - this.#skew - this.#quietSinceMonotonic);
    if (idleMs < this.timeoutMs) return 'it has not been idle for long enough';
    return null;
  }

  get mustSleep(): boolean {
    if (this.#knownIdleBy === null || !this.daemonUp || this.mustNotSleep !== null) return false;
    return this.now - LOOK_MS > Math.max(this.#knownIdleBy + this.timeoutMs, this.holdUntil);
  }

  #gone(key: string, told: Told): void {
    const { unseen } = this.connections.get(key)!;
    this.connections.delete(key);
    if (!unseen) this.#quietFromNow();
    if (told === 'lost') this.#ghostUntil = this.now + RECHECK_MS;
    if (this.connections.size > 0 || this.#dumpsFail || !this.daemonUp) return;
    this.#knownIdleBy = this.#atTheLatest(0);
  }

  #quietFromNow(): void {
    this.#quietSince = this.now;
    this.#quietSinceMonotonic = this.now - this.#skew;
  }

  #isUnseen(told: Told): boolean {
    return told === 'lost' || !this.daemonUp || this.#dumpsFail;
  }

  #atTheLatest(laterMs: number): number {
    return Math.max(Math.max(this.now, this.#floor) + laterMs, this.#ghostUntil, this.#readBy);
  }

  #moveTo(wall: number): void {
    this.now = wall;
    this.#floor = Math.max(this.#floor, wall);
  }
}
