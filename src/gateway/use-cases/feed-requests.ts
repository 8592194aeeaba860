import { StatevisorError } from '../../actors/errors.ts';
import type { CommandTaker } from '../../actors/supervisor.ts';
import { BEGINNING, CursorError, type FeedFilter } from '../../projections/feed/record-feed.ts';
import { streamNamed } from './stream-named.ts';

/** What pages and streams of the feed have in common: filters by name, and cursors that cannot be gone on from. */

/** What a request wants of the feed. Throws not_found or ambiguous. */
export function feedFilter(
  supervisor: Pick<CommandTaker, 'resolve'>,
  { instance, type }: { readonly instance?: string; readonly type?: string },
): FeedFilter {
  return {
    ...(instance === undefined ? {} : { stream: streamNamed(supervisor, instance) }),
    ...(type === undefined ? {} : { type }),
  };
}

/** Turns what is wrong with a cursor into a refusal. */
export async function refusingCursors<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw cursorRefusal(error);
  }
}

export function cursorRefusal(error: unknown): unknown {
  if (!(error instanceof CursorError)) return error;
  const { problem, oldest, newest } = error;
  const about = { field: 'after', details: { oldest, newest } };
  switch (problem) {
    case 'malformed':
      return new StatevisorError('invalid_request', `after must be a position of this log, or ${BEGINNING}.`, about);
    case 'too_old':
      return new StatevisorError('cursor_too_old', 'after lies before what retention has kept of the log.', about);
    case 'too_new':
      return new StatevisorError('cursor_too_new', 'after lies behind the end of this log.', about);
  }
}
