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
 * Between two runs the wall clock may have moved against the time that really passed by so large a part of what is
 * kept. By more, and the run is left out: a clock that was set wrong must not cost the history of months.
 */
const CLOCK_STEP_MAX_SHARE = 0.1;

export interface RetentionOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** How long records are kept, in ms. */
  readonly keepMs: number;
}

export type RetentionOutcome =
  | { readonly kind: 'done'; readonly removed: number; readonly streams: number }
  | { readonly kind: 'clock_stepped'; readonly byMs: number }
  | { readonly kind: 'aborted' };

/** Where a stream may begin. */
type Beginning = Pick<LogEntry, 'stream' | 'version' | 'position'>;

export class Retention {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #keepMs: number;
  /** Wall clock minus the time that passes evenly, as of the last run. */
  #offsetMs: number;
  /** Everything up to here was old in an earlier run and has been dealt with. */
  #scanned: Position | null = null;

  constructor({ log, clock, keepMs }: RetentionOptions) {
    this.#log = log;
    this.#clock = clock;
    this.#keepMs = keepMs;
    this.#offsetMs = clock.now() - clock.monotonic();
  }

  /** Throws what the log throws; the next run takes up again what this one left. */
  async run(signal: AbortSignal): Promise<RetentionOutcome> {
    const offsetMs = this.#clock.now() - this.#clock.monotonic();
    const byMs = Math.round(offsetMs - this.#offsetMs);
    this.#offsetMs = offsetMs;
    if (Math.abs(byMs) > this.#keepMs * CLOCK_STEP_MAX_SHARE) return { kind: 'clock_stepped', byMs };
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
