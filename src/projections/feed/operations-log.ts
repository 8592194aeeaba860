import { operationLines } from '../words/operation-lines.ts';
import { OutcomeCollector } from './effect-outcomes.ts';
import { type LoggedRecord, type ReadableLog, readRecord } from './readable-log.ts';
import { HISTORY_SCAN_MAX, historyPage } from './stream-history.ts';

/** What we did to one instance, read off its records as a log of lines. The cursor is the version of the last record read. */

const PAGE = 250;
/** Records before a stretch that are looked at for what they asked for: its first lines may tell how that ended. */
const LOOK_BACK = 50;

export interface OperationsStretch {
  readonly lines: readonly string[];
  readonly next: number;
}

/** Reads on from a version, again and again. What was asked for is remembered in between, so each record is read once. */
export class OperationsReader {
  readonly #log: ReadableLog;
  readonly #of: { readonly stream: string; readonly run?: number };
  readonly #collector = new OutcomeCollector();
  /** Version of the first record that was not read yet. */
  #from: number;
  #next: number;

  /** `run`: lines of that one alone. */
  constructor(log: ReadableLog, of: { readonly stream: string; readonly run?: number }, after: number) {
    this.#log = log;
    this.#of = of;
    this.#next = after;
    this.#from = Math.max(1, after + 1 - LOOK_BACK);
  }

  /** Version of the last record whose lines were told. */
  get next(): number {
    return this.#next;
  }

  /** The lines that come next. */
  async read(): Promise<OperationsStretch> {
    const { stream, run } = this.#of;
    const lines: string[] = [];
    let left = PAGE;
    for await (const { bytes, version } of this.#log.read(stream, this.#from, PAGE)) {
      const told = linesOf(readRecord(bytes), this.#collector, run);
      this.#collector.forgetEnded();
      this.#from = version + 1;
      if (version > this.#next) {
        lines.push(...told);
        this.#next = version;
      }
      left -= 1;
      if (left === 0) break;
    }
    return { lines, next: this.#next };
  }
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
