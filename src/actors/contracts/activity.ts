import type { AutoStandby } from '../../../machines/policies.ts';

/** Who talks to guests: connections from outside to each of them, without those its policy leaves out. */

export interface TrackedGuest {
  readonly instance: string;
  readonly run: number;
  readonly policy: AutoStandby;
}

/** What is so now. `lost`: events were missed or the table cannot be read, so nothing is known. */
export type ActivityReading =
  | { readonly observer: 'in_order'; readonly connections: number }
  | { readonly observer: 'lost'; readonly error: string };

/**
 * Promises every implementation keeps: `watch` tells a first reading from a dump of the table, soon, and then one for
 * every change of it; loss of events is told as `lost`, never hidden, and ends with a reading from a new dump.
 * `confirm` reads the table anew and never answers from memory; it settles by its own time limit.
 */
export interface ActivitySource {
  /** Returns the way to stop watching: nothing is told after it was called. */
  watch(guest: TrackedGuest, tell: (reading: ActivityReading) => void): () => void;
  confirm(guest: TrackedGuest): Promise<ActivityReading>;
}
