import { type Cause, SYSTEM_CAUSE } from '../../machines/record.ts';
import type { Clock, Random } from './contracts/clock.ts';
import type { Log, Token } from './contracts/log.ts';

/** The stream of what concerns the host and no single instance. Its name is not an id, so it is never taken for one. */
export const HOST_STREAM = 'host';

/** Events of the host that may wait for the log; past it the oldest is given up. */
const WAITING_MAX = 64;

export type HostEvent = { readonly type: 'clock.stepped'; readonly at: number; readonly by_ms: number };

export interface HostRecord {
  readonly id: string;
  readonly stream: typeof HOST_STREAM;
  readonly version: number;
  readonly at: number;
  readonly event: HostEvent;
  readonly cause: Cause;
}

/** Appends what happened to the host, one at a time, best effort: no instance waits for it. */
export class HostStream {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #waiting: HostEvent[] = [];
  #head: { token: Token; version: number } | null | undefined;
  #busy = false;

  constructor(log: Log, clock: Clock, random: Random) {
    this.#log = log;
    this.#clock = clock;
    this.#random = random;
  }

  noteClockStep(byMs: number): void {
    this.#waiting.push({ type: 'clock.stepped', at: this.#clock.now(), by_ms: byMs });
    if (this.#waiting.length > WAITING_MAX) this.#waiting.shift();
    if (!this.#busy) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    for (let event = this.#waiting.shift(); event !== undefined; event = this.#waiting.shift()) {
      await this.#append(event).catch(() => {});
    }
    this.#busy = false;
  }

  async #append(event: HostEvent): Promise<void> {
    if (this.#head === undefined) {
      const head = await this.#log.head(HOST_STREAM);
      this.#head = head === null ? null : { token: head.token, version: head.version };
    }
    const version = (this.#head?.version ?? 0) + 1;
    const id = this.#random.id();
    const record: HostRecord = { id, stream: HOST_STREAM, version, at: event.at, event, cause: SYSTEM_CAUSE };
    const result = await this.#log.append(HOST_STREAM, this.#head?.token ?? null, JSON.stringify(record));
    this.#head = result.kind === 'appended' ? { token: result.token, version: result.version } : undefined;
  }
}
