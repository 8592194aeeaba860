import type { ChartContext } from './context.ts';
import type { HookMoment } from './definition.ts';
import type { Effect } from './effects.ts';
import type { HookOutcome } from './facts.ts';
import { type ChartEvent, chart } from './setup.ts';

/** A program of the host runs for an instance: how it begins and how its end, of whatever kind, is told. */

export const beginHook = (moment: HookMoment) => [
  chart.assign(({ context }) => ({
    hook: {
      number: context.hook.number + 1,
      running: { name: context.definition?.hooks?.[moment] ?? '', moment },
    },
  })),
  {
    type: 'ask' as const,
    params: ({ context }: { context: ChartContext }): Effect => ({
      kind: 'hook.run',
      run: context.run.number,
      number: context.hook.number,
      hook: context.hook.running?.name ?? '',
      moment,
    }),
  },
];

/** What this event says of the program; an event about something else cuts it short. */
function outcomeIn(event: ChartEvent): { outcome: HookOutcome; message: string } {
  switch (event.type) {
    case 'effect.done':
      return { outcome: 'done', message: '' };
    case 'effect.failed':
      return { outcome: 'failed', message: event.error.message };
    case 'effect.unknown':
      return { outcome: 'unknown', message: event.error.message };
    case 'vmm.found':
      return { outcome: 'unknown', message: 'the daemon ended meanwhile' };
    default:
      return event.type.startsWith('xstate.after.')
        ? { outcome: 'timed_out', message: '' }
        : { outcome: 'withdrawn', message: '' };
  }
}

/** Leaving a state in which a program runs: it is told how that went, and what still runs is no longer wanted. */
export const endHook = chart.enqueueActions(({ context, event, enqueue }) => {
  const { outcome, message } = outcomeIn(event);
  const { name = '', moment = 'before_stop' as const } = context.hook.running ?? {};
  enqueue.emit({ type: 'hook.ended', run: context.run.number, hook: name, moment, outcome, message });
  enqueue.assign({ hook: { ...context.hook, running: null } });
  if (outcome !== 'timed_out' && outcome !== 'withdrawn') return;
  enqueue({ type: 'ask', params: { kind: 'effect.withdraw', run: context.run.number } });
});
