import type { InstanceRecord } from '../../machines/record.ts';
import type { Clock } from './contracts/clock.ts';
import { INSTANCE_STREAM } from './contracts/instance-entry.ts';
import type { Log, LogEntry, Position } from './contracts/log.ts';
import { HOST_STREAM } from './host-stream.ts';

/**
 * Removes what is older than it has to be kept, stream by stream from the beginning. What remains of a stream always
 * begins with a record that the rest can stand on: of an instance, one that holds the definition. So every record that
 * is kept finds the one its `definition_at` names, and the last record is never touched.
 */

export const RETENTION_DEFAULT_MS = 90 * 86_400_000;
/** Below that, command ids that must be remembered for a day would be removed. */
export const RETENTION_MIN_MS = 25 * 3_600_000;

/** Entries looked at in one go; appends come between one go and the next. */
export const RETENTION_SCAN_ENTRIES = 500;
export const RETENTION_SCAN_PAUSE_MS = 10;

/**
 * The wall clock may have moved against the time that really passed by so large a part of what is kept. By more, and
 * nothing is removed until it has come back: a clock that was set wrong must not cost the history of months. The same
 * when the newest record was older than that at the start, since then the clock may have been set while nobody looked;
 * a host that was only off, or had nothing to record, is believed when it has been up for as long.
 */
export const CLOCK_DOUBT_SHARE = 0.1;

export interface RetentionOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** How long records are kept, in ms. */
  readonly keepMs: number;
  /** When the newest record was made that was there before this daemon made any; null while there is none. */
  readonly newestAt: number | null;
}

export type RetentionOutcome =
  | { readonly kind: 'done'; readonly removed: number; readonly streams: number }
  /** By so much the clock has moved against the time that passed. */
  | { readonly kind: 'clock_stepped'; readonly byMs: number }
  /** So old was the newest record at the start, by the clock as it is now. */
  | { readonly kind: 'clock_doubtful'; readonly byMs: number }
  | { readonly kind: 'aborted' };

/** Where a stream may begin. */
type Beginning = Pick<LogEntry, 'stream' | 'version' | 'position'>;

export class Retention {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #keepMs: number;
  /** Wall clock minus the time that passes evenly, when it was believed last. */
  #offsetMs: number;
  readonly #startedAt: number;
  /** How old the newest record was at the start, while that is a reason not to believe the clock. */
  #agedMs: number;
  /** Everything up to here was old in an earlier run and has been dealt with. */
  #scanned: Position | null = null;

  constructor({ log, clock, keepMs, newestAt }: RetentionOptions) {
    this.#log = log;
    this.#clock = clock;
    this.#keepMs = keepMs;
    this.#startedAt = clock.monotonic();
    this.#offsetMs = clock.now() - this.#startedAt;
    this.#agedMs = newestAt === null ? 0 : clock.now() - newestAt;
  }

  /** Throws what the log throws; the next run takes up again what this one left. */
  async run(signal: AbortSignal): Promise<RetentionOutcome> {
    const doubt = this.#doubt();
    if (doubt !== null) return doubt;
    const beginnings = new Map<string, Beginning>();
    const scanned = await this.#scan(this.#clock.now() - this.#keepMs, beginnings, signal);
    let removed = 0;
    let streams = 0;
    for (const beginning of beginnings.values()) {
      if (signal.aborted) return { kind: 'aborted' };
      const gone = await this.#log.trim(beginning);
      removed += gone;
      if (gone > 0) streams += 1;
    }
    this.#scanned = scanned;
    return signal.aborted ? { kind: 'aborted' } : { kind: 'done', removed, streams };
  }

  /** Why the wall clock is not believed now. */
  #doubt(): RetentionOutcome | null {
    const limit = this.#keepMs * CLOCK_DOUBT_SHARE;
    const byMs = Math.round(this.#clock.now() - this.#clock.monotonic() - this.#offsetMs);
    const agedMs = this.#agedMs + byMs;
    const upMs = this.#clock.monotonic() - this.#startedAt;
    if (this.#agedMs > limit) {
      if (agedMs > limit && (upMs < limit || byMs > limit)) return { kind: 'clock_doubtful', byMs: agedMs };
    } else if (Math.abs(byMs) > limit) return { kind: 'clock_stepped', byMs };
    this.#agedMs = 0;
    this.#offsetMs += byMs;
    return null;
  }

  /**
   * Finds, for each stream with records of before `cutoff`, the newest of them it can begin with. Reads from where the
   * last run came to until a whole page is younger: entries stand nearly in the order of their times. Returns the
   * position up to which all were old.
   */
  async #scan(cutoff: number, beginnings: Map<string, Beginning>, signal: AbortSignal): Promise<Position | null> {
    let oldUpTo = this.#scanned;
    let after = this.#scanned;
    let young = 0;
    while (!signal.aborted) {
      const page = await this.#page(after);
      let old = 0;
      for (const entry of page) {
        after = entry.position;
        const record = parsed(entry.bytes);
        if (typeof record?.at === 'number' && record.at >= cutoff) young += 1;
        if (young === 0) oldUpTo = after;
        // What cannot be read is kept.
        if (typeof record?.at !== 'number' || record.at >= cutoff) continue;
        old += 1;
        if (isBeginning(entry.stream, record)) beginnings.set(entry.stream, entry);
      }
      if (old === 0 || page.length < RETENTION_SCAN_ENTRIES) break;
      await this.#clock.sleep(RETENTION_SCAN_PAUSE_MS, signal);
    }
    return oldUpTo;
  }

  async #page(after: Position | null): Promise<LogEntry[]> {
    const page: LogEntry[] = [];
    for await (const entry of this.#log.readAll(after, RETENTION_SCAN_ENTRIES)) {
      page.push(entry);
      if (page.length === RETENTION_SCAN_ENTRIES) break;
    }
    return page;
  }
}

/** When the newest record was made; null in an empty log. To be asked before anything is appended. */
export async function newestRecordAt(log: Log): Promise<number | null> {
  let looked = 0;
  for await (const { bytes } of log.readBackwards()) {
    const at = parsed(bytes)?.at;
    if (typeof at === 'number') return at;
    looked += 1;
    if (looked === RETENTION_SCAN_ENTRIES) break;
  }
  return null;
}

/** Records of the host hold its whole state; of streams that this daemon does not know, nothing is removed. */
function isBeginning(stream: string, record: Partial<InstanceRecord>): boolean {
  if (stream === HOST_STREAM) return record.state !== undefined;
  return INSTANCE_STREAM.test(stream) && record.definition !== undefined;
}

function parsed(bytes: string): Partial<InstanceRecord> | null {
  try {
    const value: unknown = JSON.parse(bytes);
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    return null;
  }
}
