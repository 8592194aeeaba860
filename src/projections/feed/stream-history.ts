import { type EffectOutcome, OutcomeCollector } from './effect-outcomes.ts';
import { type LoggedRecord, type ReadableLog, readRecord } from './readable-log.ts';
import { passes, type RecordFilter } from './record-filter.ts';

/** The records of one instance in pages, from either end, with filters. Nothing is kept: each page reads the log. */

/** Records one page looks at while it searches for those that pass; then it answers with what it has and goes on from there. */
export const HISTORY_SCAN_MAX = 5_000;
/** Records read at once from the end backwards. */
const BACK_STEP = 250;
/** Records after a page that are searched for the ends of what the page asked for. */
export const OUTCOME_SEARCH_MAX = 250;

export interface HistoryQuery {
  readonly stream: string;
  readonly order: 'oldest' | 'newest';
  /** Version of the first record looked at; undefined: the oldest or newest there is. */
  readonly from?: number;
  readonly limit: number;
  readonly filter: RecordFilter;
}

export interface HistoryPage {
  /** In the order asked for. */
  readonly records: readonly LoggedRecord[];
  /** Of the effects each record asked for, by its version. */
  readonly outcomes: (version: number) => readonly EffectOutcome[];
  /** What `from` of the next page has to be; null when there is none. */
  readonly next: number | null;
  /** Version of the oldest record that is kept. */
  readonly firstVersion: number;
}

/** Null when there is no such stream. */
export async function historyPage(log: ReadableLog, query: HistoryQuery): Promise<HistoryPage | null> {
  const head = (await log.head(query.stream))?.version;
  if (head === undefined) return null;
  const scan = query.order === 'oldest' ? scanOn(log, query, head) : scanBack(log, query, head);
  const records: LoggedRecord[] = [];
  let next: number | null = null;
  let looked = 0;
  for await (const record of scan) {
    if (records.length >= query.limit || looked >= HISTORY_SCAN_MAX) {
      next = record.version;
      break;
    }
    looked += 1;
    if (passes(record, query.filter)) records.push(record);
    else if (isPast(record, query)) break;
  }
  const firstVersion = await firstIn(log, query.stream, head);
  return { records, next, firstVersion, outcomes: await outcomesOf(log, query.stream, records) };
}

async function firstIn(log: ReadableLog, stream: string, head: number): Promise<number> {
  for await (const { version } of log.read(stream, 1, 1)) return version;
  return head;
}

/** Times only grow within a stream, so nothing further on can pass. */
function isPast({ at }: LoggedRecord, { order, filter: { since, until } }: HistoryQuery): boolean {
  return order === 'oldest' ? until !== undefined && at >= until : since !== undefined && at < since;
}

async function* scanOn(log: ReadableLog, query: HistoryQuery, head: number): AsyncGenerator<LoggedRecord> {
  const { stream, from, filter } = query;
  const first = from ?? (filter.since === undefined ? 1 : await firstSince(log, stream, filter.since, head));
  for await (const { bytes } of log.read(stream, first, HISTORY_SCAN_MAX + 1)) yield readRecord(bytes);
}

async function* scanBack(log: ReadableLog, { stream, from }: HistoryQuery, head: number): AsyncGenerator<LoggedRecord> {
  for (let last = Math.min(from ?? head, head); last >= 1; ) {
    const first = Math.max(1, last - BACK_STEP + 1);
    const records = await recordsBetween(log, stream, first, last);
    yield* records.toReversed();
    // What retention has removed is not looked for any further.
    if (records[0]?.version !== first) return;
    last = first - 1;
  }
}

async function recordsBetween(log: ReadableLog, stream: string, first: number, last: number): Promise<LoggedRecord[]> {
  const records: LoggedRecord[] = [];
  for await (const entry of log.read(stream, first, last - first + 1)) {
    if (entry.version > last) break;
    records.push(readRecord(entry.bytes));
    if (entry.version === last) break;
  }
  return records;
}

/** Version of the first record at or after a time: searched from the end, because it is mostly the end that is wanted. */
async function firstSince(log: ReadableLog, stream: string, since: number, head: number): Promise<number> {
  const isBefore = async (version: number): Promise<boolean> => {
    for await (const { bytes } of log.read(stream, version, 1)) return readRecord(bytes).at < since;
    return false;
  };
  let high = head + 1;
  let low = head;
  for (let step = 1; low >= 1 && !(await isBefore(low)); step *= 2) {
    high = low;
    low -= step;
  }
  low = Math.max(0, low);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await isBefore(middle)) low = middle;
    else high = middle;
  }
  return high;
}

async function outcomesOf(
  log: ReadableLog,
  stream: string,
  records: readonly LoggedRecord[],
): Promise<HistoryPage['outcomes']> {
  const collector = new OutcomeCollector();
  const shown = new Set(records.filter((record) => (record.effects ?? []).length > 0).map(({ version }) => version));
  const first = Math.min(...shown);
  const last = Math.max(...shown);
  if (shown.size > 0) {
    const most = last - first + 1 + OUTCOME_SEARCH_MAX;
    for await (const { bytes, version } of log.read(stream, first, most)) {
      collector.take(readRecord(bytes), shown.has(version));
      if (version >= last && (!collector.waiting || version - last >= OUTCOME_SEARCH_MAX)) break;
    }
  }
  return (version) => collector.of(version);
}
