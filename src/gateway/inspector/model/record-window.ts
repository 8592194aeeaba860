import type { InstanceRecord } from '../../../../machines/record.ts';
import type { EffectOutcome } from '../../../projections/feed/effect-outcomes.ts';

/** The records of one instance that the page holds: an unbroken piece of its stream, so long and no longer. */

export const RECORDS_KEPT_MAX = 400;

export interface ShownRecord extends InstanceRecord {
  /** Absent as long as only the feed has told of the record. */
  readonly outcomes?: readonly EffectOutcome[];
}

export interface RecordWindow {
  /** Oldest first, without gaps. */
  readonly records: readonly ShownRecord[];
  /** Of the oldest record that the log has kept. */
  readonly firstVersion: number;
  /** Of the newest record there is, whether it is held or not. */
  readonly headVersion: number;
}

export const EMPTY_WINDOW: RecordWindow = { records: [], firstVersion: 1, headVersion: 0 };

export function firstHeld({ records }: RecordWindow): number | null {
  return records[0]?.version ?? null;
}

export function recordAt({ records }: RecordWindow, version: number): ShownRecord | undefined {
  return records[version - (records[0]?.version ?? 0)];
}

/** Whether it reaches up to the newest record. */
export function isAtHead({ records, headVersion }: RecordWindow): boolean {
  return records.at(-1)?.version === headVersion;
}

/** Whether the log has no such version: not yet, or not any more. Nothing is past the ends of what is not known yet. */
export function isPastTheEnds({ records, firstVersion, headVersion }: RecordWindow, version: number): boolean {
  return records.length > 0 && (version > headVersion || version < firstVersion);
}

/** A record and the one before it, from which it differs. */
export function isHeldWithBefore(window: RecordWindow, version: number): boolean {
  const hasBefore = version <= window.firstVersion || recordAt(window, version - 1) !== undefined;
  return hasBefore && recordAt(window, version) !== undefined;
}

/**
 * With a page of records (oldest first). What adjoins or overlaps is joined, and the page's word counts; a page elsewhere
 * replaces what was held. Too many: those far from the page are let go.
 */
export function withPage(window: RecordWindow, page: readonly ShownRecord[], firstVersion: number): RecordWindow {
  const headVersion = Math.max(window.headVersion, page.at(-1)?.version ?? 0);
  const [first, last] = [page[0]?.version, page.at(-1)?.version];
  if (first === undefined || last === undefined) return { ...window, firstVersion };
  const before = window.records.filter(({ version }) => version < first);
  const after = window.records.filter(({ version }) => version > last);
  const joins = isJoined(before.at(-1)?.version, first) && isJoined(last, after[0]?.version);
  const records = joins ? [...before, ...page, ...after] : page;
  const kept = after.length > before.length ? records.slice(0, RECORDS_KEPT_MAX) : records.slice(-RECORDS_KEPT_MAX);
  return { records: kept, firstVersion, headVersion };
}

function isJoined(earlier: number | undefined, later: number | undefined): boolean {
  return earlier === undefined || later === undefined || earlier + 1 === later;
}

/** With a record as the feed tells of it; one that does not follow on what is held is only counted. */
export function withNewest(window: RecordWindow, record: ShownRecord): RecordWindow {
  const headVersion = Math.max(window.headVersion, record.version);
  const last = window.records.at(-1)?.version;
  if (last !== undefined && last + 1 !== record.version) return { ...window, headVersion };
  if (last === undefined) return { ...window, headVersion };
  return { ...window, headVersion, records: [...window.records, record].slice(-RECORDS_KEPT_MAX) };
}
