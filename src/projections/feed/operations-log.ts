import { operationLines } from '../words/operation-lines.ts';
import { OutcomeCollector } from './effect-outcomes.ts';
import type { LoggedRecord, ReadableLog } from './readable-log.ts';
import { HISTORY_SCAN_MAX, historyPage } from './stream-history.ts';

/** What we did to one instance, read off its records as a log of lines. The cursor is the version of the last record read. */

const PAGE = 250;
/** Records before a stretch that are looked at for what they asked for: its first lines may tell how that ended. */
const LOOK_BACK = 50;

export interface OperationsStretch {
  readonly lines: readonly string[];
  readonly next: number;
}

/** Lines of the records after a version. */
export async function operationsAfter(log: ReadableLog, stream: string, after: number, run?: number) {
  const collector = new OutcomeCollector();
  const lines: string[] = [];
  let next = after;
  const from = Math.max(1, after + 1 - LOOK_BACK);
  const page = await historyPage(log, { stream, order: 'oldest', from, limit: PAGE, filter: {} });
  for (const record of page?.records ?? []) {
    const told = linesOf(record, collector, run);
    if (record.version <= after) continue;
    lines.push(...told);
    next = record.version;
  }
  return { lines, next } satisfies OperationsStretch;
}

/** The last lines there are. */
export async function lastOperations(log: ReadableLog, stream: string, most: number, run?: number) {
  const newest = (await log.head(stream))?.version ?? 0;
  let records: LoggedRecord[] = [];
  let lines: string[] = [];
  for (let from: number | null = newest; from !== null && from > 0 && records.length < HISTORY_SCAN_MAX; ) {
    const page = await historyPage(log, { stream, order: 'newest', from, limit: PAGE, filter: {} });
    records = [...(page?.records.toReversed() ?? []), ...records];
    const collector = new OutcomeCollector();
    lines = records.flatMap((record) => linesOf(record, collector, run));
    if (lines.length >= most) break;
    from = page?.next ?? null;
  }
  return { lines: most === 0 ? [] : lines.slice(-most), next: newest } satisfies OperationsStretch;
}

function linesOf(record: LoggedRecord, collector: OutcomeCollector, run: number | undefined): string[] {
  collector.take(record, true);
  const isWanted = run === undefined || record.state?.context?.run.number === run;
  return isWanted ? operationLines(record, collector) : [];
}
