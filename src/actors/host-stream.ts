import type { HostMode } from '../../machines/events.ts';
import { type Cause, SYSTEM_CAUSE } from '../../machines/record.ts';
import { type CommandDesk, causeOf } from './command-desk.ts';
import type { Clock, Random } from './contracts/clock.ts';
import type { AppendResult, Log, Position, Token } from './contracts/log.ts';
import { APPEND_RETRY_MS, OUTCOME_WAIT_MAX_MS } from './durable-append.ts';
import { StatevisorError } from './errors.ts';
import type { CommandMeta } from './supervisor.ts';

/** The stream of what concerns the host and no single instance. Its name is not an id, so it is never taken for one. */
export const HOST_STREAM = 'host';

/** Events of the host that may wait for the log: past it an observation is given up and a command is refused. */
export const HOST_EVENTS_MAX = 64;

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

/** A record of the host that is durable. */
export interface HostAppended {
  readonly mode: HostMode;
  readonly record: HostRecord;
  readonly position: Position;
}

interface Waiting {
  readonly event: HostEvent;
  readonly cause: Cause;
  /** Only the first call counts. */
  readonly settle: (outcome: HostAppended | Error) => void;
}

export interface HostStreamOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  /** Another mode holds than before, whether it was set here or found in the log. */
  readonly onMode: () => void;
  /** Knows which commands were accepted before. */
  readonly desk: CommandDesk;
}

/**
 * Appends what happened to the host, one at a time. An observation (a step of the clock) is best effort: no instance
 * waits for it. A change of mode is a command: it is durable before anybody acts on it, or refused; while the log cannot
 * tell which, whoever asked is told so, and what is learnt later counts.
 */
export class HostStream {
  readonly #options: HostStreamOptions;
  readonly #waiting: Waiting[] = [];
  #head: { token: Token; version: number; at: number } | null | undefined;
  #mode: HostMode = 'normal';
  #busy = false;
  #closed = false;

  constructor(options: HostStreamOptions) {
    this.#options = options;
  }

  get mode(): HostMode {
    return this.#mode;
  }

  /** Reads back what holds; before that the mode is not known. Throws when the log cannot be read. */
  async load(): Promise<HostMode> {
    const entry = await this.#options.log.head(HOST_STREAM);
    const record = entry === null ? null : (JSON.parse(entry.bytes) as HostRecord);
    this.#head = entry === null ? null : { token: entry.token, version: entry.version, at: record?.at ?? 0 };
    this.#become(record?.state?.mode ?? 'normal');
    return this.#mode;
  }

  /** What became of an append is not looked for any longer. */
  close(): void {
    this.#closed = true;
  }

  noteClockStep(byMs: number): void {
    const given = this.#waiting.findIndex(({ event }) => event.type === 'clock.stepped');
    if (this.#waiting.length >= HOST_EVENTS_MAX && given >= 0) this.#waiting.splice(given, 1);
    if (this.#waiting.length >= HOST_EVENTS_MAX) return;
    const event: HostEvent = { type: 'clock.stepped', at: this.#options.clock.now(), by_ms: byMs };
    this.#enqueue({ event, cause: SYSTEM_CAUSE, settle: () => {} });
  }

  /**
   * Resolves once the new mode is durable. Throws StatevisorError: then the mode is what it was. A repetition under the
   * same id is answered from the first one's record and sets nothing: another mode may hold by now.
   */
  setMode(mode: HostMode, meta: CommandMeta): Promise<HostAppended> {
    const { desk } = this.#options;
    return desk.onceOr(
      meta,
      () => this.#setMode(mode, causeOf(meta)),
      ({ version }) => this.#readBack(version),
    );
  }

  #setMode(mode: HostMode, cause: Cause): Promise<HostAppended> {
    if (this.#waiting.length >= HOST_EVENTS_MAX) {
      return Promise.reject(new StatevisorError('busy', 'Too many changes of the host are waiting for the log.'));
    }
    const event: HostEvent = { type: 'host.mode_changed', at: this.#options.clock.now(), mode, by: cause.actor };
    return new Promise((resolve, reject) => {
      const settle: Waiting['settle'] = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
      this.#enqueue({ event, cause, settle });
    });
  }

  /** A record of before, as it was answered then. */
  async #readBack(version: number): Promise<HostAppended> {
    for await (const entry of this.#options.log.read(HOST_STREAM, version, 1)) {
      const record = JSON.parse(entry.bytes) as HostRecord;
      return { mode: record.state?.mode ?? this.#mode, record, position: entry.position };
    }
    throw new Error(`The log has no record ${version} of the host.`);
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

  #become(mode: HostMode): void {
    if (mode === this.#mode) return;
    this.#mode = mode;
    this.#options.onMode();
  }

  async #append({ event, cause, settle }: Waiting): Promise<HostAppended> {
    if (this.#head === undefined) await this.load();
    const { token = null, version = 0, at = 0 } = this.#head ?? {};
    const mode = event.type === 'host.mode_changed' ? event.mode : this.#mode;
    const stamped = { ...event, at: Math.max(event.at, at) };
    const record: HostRecord = {
      id: this.#options.random.id(),
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
    const appended = await this.#options.log
      .append(HOST_STREAM, token, bytes, room)
      .catch((error: unknown): AppendResult => ({ kind: 'unknown', message: String(error) }));
    const result = appended.kind === 'unknown' ? await this.#resolveUnknown(bytes, settle) : appended;
    if (result.kind !== 'appended') {
      this.#head = undefined;
      throw refusalOf(result);
    }
    this.#head = { token: result.token, version: record.version, at: record.at };
    this.#options.desk.remember(record);
    this.#become(mode);
    return { mode, record, position: result.position };
  }

  /** Only the head tells. Whoever asked is not kept waiting for it, and nobody else is. */
  async #resolveUnknown(bytes: string, settle: Waiting['settle']): Promise<AppendResult> {
    const { log, clock } = this.#options;
    const cancel = clock.after(OUTCOME_WAIT_MAX_MS, () => settle(outcomeUnknown()));
    try {
      while (!this.#closed) {
        try {
          const head = await log.head(HOST_STREAM);
          if (head?.bytes !== bytes) return { kind: 'unknown', message: 'It was not written.' };
          return { kind: 'appended', token: head.token, position: head.position, version: head.version };
        } catch (error) {
          this.#refuseWaiting(asRefusal(error));
          await clock.sleep(APPEND_RETRY_MS);
        }
      }
      return { kind: 'unknown', message: 'The log cannot be read.' };
    } finally {
      cancel();
    }
  }

  /** Steps of the clock go on waiting: nobody is kept by them. */
  #refuseWaiting(refusal: StatevisorError): void {
    const steps = this.#waiting.filter(({ event }) => event.type === 'clock.stepped');
    for (const { event, settle } of this.#waiting.splice(0, this.#waiting.length, ...steps)) {
      if (event.type !== 'clock.stepped') settle(refusal);
    }
  }
}

function outcomeUnknown(): StatevisorError {
  const message = 'The log gave no answer; it is not known yet whether the mode was recorded.';
  return new StatevisorError('log_unavailable', message, { details: { outcome: 'unknown' } });
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
