import type { LogEntry } from '../../actors/contracts/log.ts';
import type { Cursor } from './cursor-store.ts';

/** Where an outbox brings records. */
export interface Destination {
  /** How many records may be on their way to it at one time. */
  readonly window: number;
  /**
   * Gets ready, and answers where to go on: from the cursor, unless the destination knows better. Throws while it cannot
   * be reached; it is then tried again, more and more slowly.
   */
  open(cursor: Cursor): Promise<Cursor>;
  /**
   * Called in the order of the log; calls may overlap up to the window. Resolves once the record is there, with the memo
   * of a cursor after it. Rejects when it may not be there: the outbox then opens the
   * destination again and goes on from the last record that is there. Nobody waits for it once the signal has fired.
   */
  deliver(entry: LogEntry, signal: AbortSignal): Promise<Delivery>;
}

export interface Delivery {
  readonly memo: unknown;
  /** The cursor is kept at once, so that a restart does not bring this record again. */
  readonly keep?: true;
}
