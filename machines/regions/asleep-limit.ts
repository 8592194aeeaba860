import { automatic } from '../guards.ts';
import { chart, type Moment } from '../setup.ts';
import { noteObserver } from './standby-actions.ts';
import { enabled, limited, observerLost, touchesPolicy } from './standby-guards.ts';

/** The two states of the standby region in which a guest sleeps that its policy lets sleep only for so long. */

const thenOf = ({ definition }: Moment['context']): 'stop' | 'delete' =>
  definition?.auto_standby?.max_asleep?.then ?? 'stop';

/** It sleeps under a policy that lets it do so only for so long. */
export const asleep = chart.createStateConfig({
  id: 'asleep',
  after: {
    max_asleep: [
      {
        guard: automatic,
        target: '#standby_ineligible',
        actions: [
          chart.emit(({ context }) => ({ type: 'standby.asleep_too_long' as const, then: thenOf(context) })),
          chart.raise(({ context, event }) => ({
            type: 'sleep.limit_reached' as const,
            at: event.at,
            then: thenOf(context),
          })),
        ],
      },
      { target: '#asleep_held' },
    ],
  },
  on: {
    'sleep.ended': { target: '#standby_ineligible' },
    'definition.changed': [
      { guard: (moment: Moment) => touchesPolicy(moment) && !enabled(moment), target: '#standby_disabled' },
      { guard: (moment: Moment) => touchesPolicy(moment) && !limited(moment), target: '#standby_ineligible' },
      { guard: touchesPolicy, target: '#asleep', reenter: true },
    ],
    'observer.lost': { actions: noteObserver('lost') },
    'observer.restored': { guard: observerLost, actions: noteObserver('ok') },
  },
});

/** It has slept for too long, and nothing automatic may happen: decided when it may. */
export const asleepHeld = chart.createStateConfig({
  id: 'asleep_held',
  on: {
    'sleep.ended': { target: '#standby_ineligible' },
    'automation.changed': { guard: automatic, target: '#asleep' },
    'definition.changed': [
      { guard: (moment: Moment) => touchesPolicy(moment) && !enabled(moment), target: '#standby_disabled' },
      { guard: (moment: Moment) => touchesPolicy(moment) && !limited(moment), target: '#standby_ineligible' },
      { guard: touchesPolicy, target: '#asleep' },
    ],
    'observer.lost': { actions: noteObserver('lost') },
    'observer.restored': { guard: observerLost, actions: noteObserver('ok') },
  },
});
