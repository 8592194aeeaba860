import type { LogEntry, Position } from '../../actors/contracts/log.ts';
import { readRecord } from './readable-log.ts';
import { typesOf } from './record-filter.ts';

/** Records, and characters of them, that are kept for readers who are nearly up to date. */
export const RING_RECORDS_MAX = 4_096;
export const RING_CHARS_MAX = 8_388_608;

/** One record on its way to readers. */
export interface FeedRecord {
  readonly position: Position;
  readonly stream: string;
  /** Type of its event, then those of its facts. */
  readonly types: readonly string[];
  /** The record as JSON, with its position and with its time for people. */
  readonly json: string;
}

export function feedRecord({ position, stream, bytes }: LogEntry): FeedRecord {
  const record = readRecord(bytes);
  const time = new Date(record.at).toISOString();
  // The record's own text is kept as it is: reading and writing it again would cost more than all the rest.
  const json = `{"position":${JSON.stringify(position)},"time":"${time}",${bytes.slice(1)}`;
  return { position, stream, types: typesOf(record), json };
}

/** The newest records of the log, all of them after one position. */
export class RecordRing {
  readonly #records: FeedRecord[] = [];
  #after: Position | null;
  #chars = 0;

  constructor(after: Position | null) {
    this.#after = after;
  }

  push(record: FeedRecord): void {
    this.#records.push(record);
    this.#chars += record.json.length;
    // Half of them at once, so that making room costs little for each record.
    if (this.#records.length <= RING_RECORDS_MAX && this.#chars <= RING_CHARS_MAX) return;
    const gone = this.#records.splice(0, Math.ceil(this.#records.length / 2));
    this.#after = gone.at(-1)!.position;
    this.#chars -= gone.reduce((sum, { json }) => sum + json.length, 0);
  }

  /** The first records after a position; null when older ones than are kept here come first. */
  after(position: Position | null, limit: number): readonly FeedRecord[] | null {
    if (this.#after !== null && (position === null || position < this.#after)) return null;
    const first = position === null ? 0 : this.#firstAfter(position);
    return this.#records.slice(first, first + limit);
  }

  #firstAfter(position: Position): number {
    let [low, high] = [0, this.#records.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#records[middle]!.position <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
