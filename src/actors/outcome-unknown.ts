import { StatevisorError } from './errors.ts';
import type { Accepted } from './mailbox.ts';

/**
 * The one refusal that does not say that nothing was appended: the log has given no answer and cannot be asked. Whoever
 * sent the command repeats it with the same id; `settled` tells the runtime itself, once the log can be read again.
 */
export class OutcomeUnknownError extends StatevisorError {
  readonly settled: Promise<Accepted>;

  constructor(settled: Promise<Accepted>) {
    const message = 'The log gave no answer; it is not known yet whether this command was recorded.';
    super('log_unavailable', message, { details: { outcome: 'unknown' } });
    this.settled = settled;
  }
}

/** Undoes what was prepared for a command, once it is certain that nothing was recorded. */
export function undoUnlessRecorded(error: unknown, undo: () => void): void {
  if (error instanceof OutcomeUnknownError) error.settled.catch(undo);
  else undo();
}
