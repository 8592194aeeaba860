import { troubleIn } from '../../actions.ts';
import { forgetStop, noteEnd } from '../../end-actions.ts';
import { endIn } from '../../guards.ts';
import { chart, type Moment } from '../../setup.ts';

/**
 * A restore that certainly did not happen: its guest sleeps on with its snapshot, and what is shown of it is what was shown
 * before, but for why it could not be woken. Nothing automatic follows. The number of the run is used up all the same.
 */

function failureOf({ context, event }: Moment): { readonly code: string; readonly message: string } {
  if (event.type === 'effect.failed') return event.error;
  const { reason, message } = endIn(event) ?? { reason: 'unknown', message: null };
  if (context.stop?.cause === 'boot_timeout') return { code: reason, message: 'the restore did not end in time' };
  if (event.type === 'effect.withdrawn') return { code: reason, message: 'the restore was withdrawn' };
  return { code: reason, message: message ?? troubleIn(event) };
}

/** Must come first: the end of the run is told as one that was asked for. */
const noteFailure = chart.enqueueActions(({ context, event, enqueue }) => {
  const { code, message } = failureOf({ context, event });
  enqueue.emit({
    type: 'instance.restore_failed',
    run: context.run.number,
    snapshot: context.snapshot?.name ?? '',
    code,
    message,
  });
  enqueue.assign({
    trouble: { message, tries: 0 },
    stop: { cause: 'standby', next: 'standby', force: false },
  });
});

/**
 * Nothing is owed to the end of the run that is shown again: it was put away, or brought back asleep. Its process is not that
 * of the number which stands there now.
 */
export const showFormerRun = chart.assign(({ context: { run, put_away } }) => ({
  run: put_away === null ? run : { ...put_away, number: run.number, pid: null, planned: true },
  put_away: null,
}));

export const backToSleep = [noteFailure, ...noteEnd, forgetStop, showFormerRun];
