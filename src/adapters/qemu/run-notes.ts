import { type RunMarks, readMarks, readRunJournal, writeMarks } from './run-directory.ts';
import { isNewReboot, rebootsAfter } from './run-journal.ts';

/** What was observed of a run, kept in its directory, so that a later daemon does not observe it again. */
export interface RunNotes {
  isReady(): boolean;
  /** Notes that the guest is ready; false when that was noted before. */
  becomeReady(at: number): boolean;
  /** Notes a reset of the machine; false when it belongs to a reboot that was noted before. */
  isNewReset(at: number): boolean;
  /** Times (epoch ms) of reboots in the event log that were not noted yet; they are now. */
  unseenReboots(): number[];
  /** Resolves when everything noted so far is written, or could not be. */
  kept(): Promise<void>;
}

/** None where that cannot be read: whoever asks has a guest to look after all the same. */
function resetsIn(directory: string, onFailure: (error: unknown) => void): readonly number[] {
  try {
    return readRunJournal(directory).resets;
  } catch (error) {
    onFailure(error);
    return [];
  }
}

/**
 * Opens the notes of a run. `onFailure` is told when they cannot be written, and stand in memory only then, and when the event
 * log cannot be read.
 */
export function keepNotes(directory: string, onFailure: (error: unknown) => void): RunNotes {
  let marks = readMarks(directory);
  let writes: Promise<void> = Promise.resolve();
  const mark = (change: Partial<RunMarks>): void => {
    marks = { ...marks, ...change };
    const written = marks;
    writes = writes.then(() => writeMarks(directory, written)).catch(onFailure);
  };
  const isNewReset = (at: number): boolean => {
    const previous = marks.reboots_seen_until;
    mark({ reboots_seen_until: at });
    return isNewReboot(at, previous);
  };
  return {
    isReady: () => marks.ready_at !== null,
    becomeReady: (at) => {
      if (marks.ready_at !== null) return false;
      mark({ ready_at: at });
      return true;
    },
    isNewReset,
    unseenReboots: () => {
      const resets = resetsIn(directory, onFailure);
      const unseen = rebootsAfter(resets, marks.reboots_seen_until);
      const last = resets.at(-1);
      if (last !== undefined && last !== marks.reboots_seen_until) mark({ reboots_seen_until: last });
      return unseen;
    },
    kept: () => writes,
  };
}
