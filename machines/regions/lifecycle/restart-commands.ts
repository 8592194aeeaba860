import { noteCommand } from '../../actions.ts';
import { restartPending } from '../../guards.ts';
import { pendingCause } from '../../rules.ts';
import { chart, type Moment } from '../../setup.ts';

/** The two commands about automatic restarts that leave the instance itself, and what is wanted of it, as they are. */

/** Said here, while what is pending is still known: the restart region forgets it when it hears of this. */
const sayCancelled = chart.emit(({ context }) => ({
  type: 'restart.cancelled' as const,
  attempt: context.restart.attempts + 1,
  cause: pendingCause(context),
}));

export const cancelRestart = {
  guard: restartPending,
  actions: [noteCommand, sayCancelled, chart.raise(({ event }) => ({ type: 'restart.waived' as const, at: event.at }))],
};

/** An automatic restart that is pending is done without, if there is one, because of what was just asked for. */
export const giveUpRestart = chart.enqueueActions(({ context, event, enqueue }) => {
  if (restartPending({ context, event })) {
    enqueue.emit({ type: 'restart.cancelled', attempt: context.restart.attempts + 1, cause: pendingCause(context) });
  }
  enqueue.raise({ type: 'restart.waived', at: event.at });
});

/** Nothing is owed to the last end any more, whatever becomes of what was just asked for. */
export const waiveRestart = chart.raise(({ event }) => ({ type: 'restart.waived' as const, at: event.at }));

/** A guest that is unhealthy right now is judged at once in a window that has just been opened. */
export const askVerdict = chart.raise(({ event }) => ({ type: 'verdict.asked' as const, at: event.at }));

/** A stop is lifted by a start and by nothing else. */
const notStopped = ({ context }: Moment): boolean => context.intent.wanted !== 'stopped';

const wantWindow = (up: boolean) => [
  noteCommand,
  chart.raise(({ event }) => ({ type: 'window.wanted' as const, at: event.at, up })),
];

export const resetRestart = { guard: notStopped, actions: wantWindow(false) };
export const resetRestartOfRunning = { guard: notStopped, actions: [...wantWindow(true), askVerdict] };
