import type { ChartContext } from '../context.ts';
import { automatic, not } from '../guards.ts';
import { heldBackBy } from '../rules.ts';
import { chart, idleDue, type Moment } from '../setup.ts';

/**
 * Standby: owns what is known of traffic. Any doubt means stay awake: an observer that lost events, a table that
 * could not be read, traffic or a hold at any moment before the guest is put away.
 */

const ofThisRun = ({ context, event }: Moment): boolean =>
  'run' in event && event.run === context.run.number && !context.run.ended;

const enabled = ({ context }: Moment): boolean => context.definition?.auto_standby?.enabled === true;
const touchesPolicy = ({ event }: Moment): boolean =>
  event.type === 'definition.changed' && event.parts.includes('auto_standby');
const networked = ({ context }: Moment): boolean => context.definition?.network.enabled === true;
const observerLost = ({ context }: Moment): boolean => context.standby.observer === 'lost';
const isReady = ({ event }: Moment): boolean => event.type === 'definition.changed' && event.up;

const noteActive = chart.assign(({ context, event }) => ({
  standby: { ...context.standby, idle_since: null, last_activity_at: event.at },
}));
const noteIdle = chart.assign(({ context, event }) => ({ standby: { ...context.standby, idle_since: event.at } }));
const noteObserver = (observer: 'ok' | 'lost') =>
  chart.assign(({ context }) => ({ standby: { ...context.standby, observer, idle_since: null } }));
const forget = chart.assign(({ context }) => ({
  standby: { ...context.standby, idle_since: null, hold_until: null, last_activity_at: null },
}));
/** Out of running, perhaps not for good: a promise to stay awake outlasts a moment in which the guest was lost. */
const pauseTracking = chart.assign(({ context }) => ({ standby: { ...context.standby, idle_since: null } }));
const heldBefore = ({ context }: Moment): boolean => context.standby.hold_until !== null;
const sayCountdown = chart.emit(({ context, event }) => ({
  type: 'standby.countdown_started' as const,
  idle_since: context.standby.idle_since ?? event.at,
  due: idleDue(context, event.at),
}));
const sayCancelled = (cause: string) => chart.emit({ type: 'standby.countdown_cancelled', cause });
const askConfirmation = {
  type: 'ask' as const,
  params: ({ context }: { context: ChartContext }) => ({ kind: 'traffic.confirm' as const, run: context.run.number }),
};

/** The guest is up and a new policy wants its traffic watched. */
const mayTrack = (moment: Moment): boolean =>
  touchesPolicy(moment) && isReady(moment) && enabled(moment) && networked(moment);

/** Traffic is taken to be there until the source says that it is not. */
const onEligible = [
  { guard: (moment: Moment) => enabled(moment) && networked(moment) && observerLost(moment), target: '#blind' },
  { guard: (moment: Moment) => enabled(moment) && networked(moment), target: '#standby_active' },
];

const onPolicy = [
  {
    guard: (moment: Moment) => touchesPolicy(moment) && !enabled(moment),
    target: '#standby_disabled',
    actions: forget,
  },
  { guard: (moment: Moment) => mayTrack(moment) && observerLost(moment), target: '#blind' },
  { guard: mayTrack, target: '#standby_active' },
];

const leaving = {
  'run.leaving': { target: '#standby_ineligible', actions: pauseTracking },
  'run.ended': { target: '#standby_ineligible', actions: forget },
  'definition.changed': onPolicy,
  'observer.lost': { target: '#blind', actions: noteObserver('lost') },
  'observer.restored': { guard: observerLost, actions: noteObserver('ok') },
};

const abandonFor = (cause: string) =>
  chart.raise(({ event }) => ({ type: 'standby.abandoned' as const, at: event.at, cause }));

/** Automation is held back: nothing is counted down any more. The source of traffic says again what it knows later. */
const heldBack = {
  guard: not(automatic),
  target: '#standby_active',
  actions: [
    pauseTracking,
    chart.emit(({ context }) => ({ type: 'standby.countdown_cancelled' as const, cause: heldBackBy(context) })),
  ],
};

const becomeActive = (cause: string) => ({
  guard: ofThisRun,
  target: '#standby_active',
  actions: [noteActive, sayCancelled(cause)],
});

export const standby = chart.createStateConfig({
  initial: 'disabled',
  states: {
    disabled: {
      id: 'standby_disabled',
      on: {
        'definition.changed': [
          { guard: (moment: Moment) => mayTrack(moment) && observerLost(moment), target: '#blind' },
          { guard: mayTrack, target: '#standby_active' },
          { guard: (moment: Moment) => touchesPolicy(moment) && enabled(moment), target: '#standby_ineligible' },
        ],
        'observer.restored': { guard: observerLost, actions: noteObserver('ok') },
        'instance.gone': { guard: observerLost, actions: noteObserver('ok') },
      },
    },
    ineligible: {
      id: 'standby_ineligible',
      on: {
        'run.ready': onEligible,
        'run.ended': { guard: heldBefore, actions: forget },
        'instance.gone': { target: '#standby_disabled', actions: noteObserver('ok') },
        'definition.changed': {
          guard: (moment: Moment) => touchesPolicy(moment) && !enabled(moment),
          target: '#standby_disabled',
        },
        'observer.lost': { actions: noteObserver('lost') },
        'observer.restored': { guard: observerLost, actions: noteObserver('ok') },
      },
    },
    active: {
      id: 'standby_active',
      tags: ['tracked'],
      on: {
        ...leaving,
        'traffic.idle': {
          guard: (moment: Moment) => ofThisRun(moment) && automatic(moment),
          target: '#countdown',
          actions: [noteIdle, sayCountdown],
        },
        'hold.placed': { actions: [] },
      },
    },
    countdown: {
      id: 'countdown',
      tags: ['tracked'],
      after: { idle: { target: '#confirming' } },
      on: {
        ...leaving,
        'traffic.active': becomeActive('traffic'),
        'automation.changed': heldBack,
        'hold.placed': { target: '#countdown', reenter: true },
      },
    },
    /** The table is read once more before anything is done; a read that fails restarts the countdown. */
    confirming: {
      id: 'confirming',
      tags: ['tracked'],
      entry: askConfirmation,
      after: { confirm_deadline: { target: '#countdown', actions: noteIdle } },
      on: {
        ...leaving,
        'traffic.active': becomeActive('traffic'),
        'automation.changed': heldBack,
        'traffic.unconfirmed': { guard: ofThisRun, target: '#countdown', actions: noteIdle },
        'hold.placed': { target: '#countdown' },
        'traffic.confirmed_idle': {
          guard: ofThisRun,
          target: '#requested',
          actions: [
            chart.emit({ type: 'standby.requested', cause: 'idle' }),
            chart.raise(({ event }) => ({ type: 'standby.wanted' as const, at: event.at })),
          ],
        },
      },
    },
    /** The guest is being paused and put away by the lifecycle region; abandoned, it is tracked again once it runs. */
    requested: {
      id: 'requested',
      tags: ['tracked'],
      on: {
        ...leaving,
        'run.leaving': {},
        'automation.changed': {
          guard: not(automatic),
          target: '#standby_ineligible',
          actions: [
            pauseTracking,
            chart.raise(({ context, event }) => ({
              type: 'standby.abandoned' as const,
              at: event.at,
              cause: heldBackBy(context),
            })),
          ],
        },
        // What made standby safe is gone: wake the guest rather than go on without it.
        'observer.lost': {
          target: '#standby_ineligible',
          actions: [noteObserver('lost'), abandonFor('observer lost')],
        },
        'definition.changed': [
          {
            guard: (moment: Moment) => touchesPolicy(moment) && !enabled(moment),
            target: '#standby_disabled',
            actions: [forget, abandonFor('policy')],
          },
        ],
        'traffic.active': {
          guard: ofThisRun,
          target: '#standby_ineligible',
          actions: [noteActive, abandonFor('traffic')],
        },
        'traffic.confirmed_idle': {
          guard: ofThisRun,
          actions: chart.raise(({ event }) => ({ type: 'idle.confirmed' as const, at: event.at })),
        },
        'traffic.unconfirmed': {
          guard: ofThisRun,
          target: '#standby_ineligible',
          actions: abandonFor('unconfirmed'),
        },
        'run.ready': { target: '#standby_active', actions: noteActive },
      },
    },
    blind: {
      id: 'blind',
      tags: ['tracked'],
      on: {
        ...leaving,
        'observer.lost': {},
        'observer.restored': { target: '#standby_active', actions: noteObserver('ok') },
        'hold.placed': { actions: [] },
      },
    },
  },
});
