import type { HostMode } from '../../machines/events.ts';
import { type Cause, SYSTEM_CAUSE } from '../../machines/record.ts';
import type { Clock, Random } from './contracts/clock.ts';
import type { AppendResult, Log, Position, Token } from './contracts/log.ts';
import { StatevisorError } from './errors.ts';

/** The stream of what concerns the host and no single instance. Its name is not an id, so it is never taken for one. */
export const HOST_STREAM = 'host';

/** Events of the host that may wait for the log: past it an observation is given up and a command is refused. */
export const HOST_EVENTS_MAX = 64;

/** How often the head is read to learn what became of an append whose answer was lost. */
const HEAD_READS_MAX = 20;
const HEAD_READ_RETRY_MS = 250;

export type HostEvent =
  | { readonly type: 'clock.stepped'; readonly at: number; readonly by_ms: number }
  | { readonly type: 'host.mode_changed'; readonly at: number; readonly mode: HostMode; readonly by: string };

export interface HostRecord {
  readonly id: string;
  readonly stream: typeof HOST_STREAM;
  readonly version: number;
  readonly at: number;
  readonly event: HostEvent;
  /** What holds after it; records older than modes have none. */
  readonly state?: { readonly mode: HostMode };
  readonly cause: Cause;
}

export interface HostChange {
  readonly mode: HostMode;
  readonly record: HostRecord;
  readonly position: Position;
}

interface Waiting {
  readonly event: HostEvent;
  readonly cause: Cause;
  readonly settle: (outcome: HostChange | Error) => void;
}

/**
 * Appends what happened to the host, one at a time. An observation (a step of the clock) is best effort: no instance
 * waits for it. A change of mode is a command: it is durable before anybody acts on it, or refused.
 */
export class HostStream {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #waiting: Waiting[] = [];
  #head: { token: Token; version: number; at: number } | null | undefined;
  #mode: HostMode = 'normal';
  #busy = false;

  constructor(log: Log, clock: Clock, random: Random) {
    this.#log = log;
    this.#clock = clock;
    this.#random = random;
  }

  get mode(): HostMode {
    return this.#mode;
  }

  /** Reads back what holds; before that the mode is not known. Throws when the log cannot be read. */
  async load(): Promise<HostMode> {
    const entry = await this.#log.head(HOST_STREAM);
    const record = entry === null ? null : (JSON.parse(entry.bytes) as HostRecord);
    this.#head = entry === null ? null : { token: entry.token, version: entry.version, at: record?.at ?? 0 };
    this.#mode = record?.state?.mode ?? 'normal';
    return this.#mode;
  }

  noteClockStep(byMs: number): void {
    const given = this.#waiting.findIndex(({ event }) => event.type === 'clock.stepped');
    if (this.#waiting.length >= HOST_EVENTS_MAX && given >= 0) this.#waiting.splice(given, 1);
    if (this.#waiting.length >= HOST_EVENTS_MAX) return;
    const event: HostEvent = { type: 'clock.stepped', at: this.#clock.now(), by_ms: byMs };
    this.#enqueue({ event, cause: SYSTEM_CAUSE, settle: () => {} });
  }

  /** Resolves once the new mode is durable. Throws StatevisorError: then the mode is what it was. */
  setMode(mode: HostMode, cause: Cause): Promise<HostChange> {
    if (this.#waiting.length >= HOST_EVENTS_MAX) {
      return Promise.reject(new StatevisorError('busy', 'Too many changes of the host are waiting for the log.'));
    }
    const event: HostEvent = { type: 'host.mode_changed', at: this.#clock.now(), mode, by: cause.actor };
    return new Promise((resolve, reject) => {
      const settle: Waiting['settle'] = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
      this.#enqueue({ event, cause, settle });
    });
  }

  #enqueue(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (!this.#busy) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { settle } = next;
      settle(await this.#append(next).catch((error: unknown) => asRefusal(error)));
    }
    this.#busy = false;
  }

  async #append({ event, cause }: Waiting): Promise<HostChange> {
    if (this.#head === undefined) await this.load();
    const { token = null, version = 0, at = 0 } = this.#head ?? {};
    const mode = event.type === 'host.mode_changed' ? event.mode : this.#mode;
    const stamped = { ...event, at: Math.max(event.at, at) };
    const record: HostRecord = {
      id: this.#random.id(),
      stream: HOST_STREAM,
      version: version + 1,
      at: stamped.at,
      event: stamped,
      state: { mode },
      cause,
    };
    const bytes = JSON.stringify(record);
    // A change of mode may be what a host with a full disk needs most.
    const room = event.type === 'host.mode_changed' ? 'reserved' : 'ordinary';
    const appended = await this.#log
      .append(HOST_STREAM, token, bytes, room)
      .catch((error: unknown): AppendResult => ({ kind: 'unknown', message: String(error) }));
    const result = appended.kind === 'unknown' ? await this.#resolveUnknown(bytes) : appended;
    if (result.kind !== 'appended') {
      this.#head = undefined;
      throw refusalOf(result);
    }
    this.#head = { token: result.token, version: record.version, at: record.at };
    this.#mode = mode;
    return { mode, record, position: result.position };
  }

  /** Only the head tells; a mode that may or may not hold would be worse than a late answer. */
  async #resolveUnknown(bytes: string): Promise<AppendResult> {
    for (let reads = 0; reads < HEAD_READS_MAX; reads++) {
      try {
        const head = await this.#log.head(HOST_STREAM);
        if (head?.bytes !== bytes) return { kind: 'unknown', message: 'It was not written.' };
        return { kind: 'appended', token: head.token, position: head.position, version: head.version };
      } catch {
        await this.#clock.sleep(HEAD_READ_RETRY_MS);
      }
    }
    return { kind: 'unknown', message: 'The log cannot be read.' };
  }
}

function refusalOf(result: Exclude<AppendResult, { kind: 'appended' }>): StatevisorError {
  if (result.kind === 'conflict') {
    return new StatevisorError('not_owner', 'Another daemon has appended to the stream of the host.');
  }
  const full = result.kind === 'refused' && result.reason === 'full';
  return new StatevisorError(full ? 'log_full' : 'log_unavailable', result.message);
}

function asRefusal(error: unknown): StatevisorError {
  if (error instanceof StatevisorError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StatevisorError('log_unavailable', `The stream of the host cannot be used: ${message}`, { cause: error });
}
