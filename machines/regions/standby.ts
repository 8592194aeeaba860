import { all, automatic, not } from '../guards.ts';
import { giveUpMinute, unscheduled } from '../schedule-actions.ts';
import { chart, type Moment } from '../setup.ts';
import { asleep, asleepHeld } from './asleep-limit.ts';
import {
  abandonFor,
  askConfirmation,
  askSlot,
  callOff,
  closeSlot,
  forget,
  forStandby,
  held,
  noteActive,
  noteAwake,
  noteIdle,
  noteObserver,
  noteSlotHeld,
  ofThisRun,
  openSlot,
  pauseTracking,
  request,
  restartIdle,
  sayCancelled,
  sayCountdown,
  scheduled,
  skipScheduled,
} from './standby-actions.ts';
import { enabled, leftSomething, limited, mayTrack, networked, observerLost, touchesPolicy } from './standby-guards.ts';

/**
 * Standby: owns what is known of traffic. Any doubt means stay awake: an observer that lost events, a table that
 * could not be read, traffic or a hold at any moment before the guest is put away.
 */

/** Traffic is taken to be there until the source says that it is not. */
const onReady = [
  {
    guard: (moment: Moment) => enabled(moment) && networked(moment) && observerLost(moment),
    target: '#blind',
    actions: noteAwake,
  },
  { guard: (moment: Moment) => enabled(moment) && networked(moment), target: '#standby_active', actions: noteAwake },
];

const onPolicy = [
  {
    guard: (moment: Moment) => touchesPolicy(moment) && !enabled(moment),
    target: '#standby_disabled',
    actions: forget,
  },
  { guard: (moment: Moment) => mayTrack(moment) && observerLost(moment), target: '#blind' },
  { guard: mayTrack, target: '#standby_active', actions: pauseTracking },
];

const leaving = {
  'run.leaving': { target: '#standby_ineligible', actions: pauseTracking },
  'run.ended': { target: '#standby_ineligible', actions: forget },
  'definition.changed': onPolicy,
  'observer.lost': { target: '#blind', actions: noteObserver('lost') },
  'observer.restored': { guard: observerLost, actions: noteObserver('ok') },
};

/** Automation is held back: nothing is counted down any more. The source of traffic says again what it knows later. */
const heldBack = { guard: not(automatic), target: '#standby_active', actions: [callOff(), pauseTracking] };

/** What a schedule has begun is called off for good; what idleness has, counts on. */
const unconfirmed = (guard: (moment: Moment) => boolean = () => true) => [
  { guard: all(guard, scheduled), target: '#standby_active', actions: [callOff('unconfirmed'), pauseTracking] },
  { guard, target: '#countdown', actions: restartIdle },
];
const forHold = [
  { guard: scheduled, target: '#standby_active', actions: [callOff('hold'), pauseTracking] },
  { target: '#countdown', actions: callOff('hold') },
];
const blinded = { target: '#blind', actions: [callOff('observer lost'), noteObserver('lost')] };
const withoutPolicy = [
  {
    guard: (moment: Moment) => touchesPolicy(moment) && !enabled(moment),
    target: '#standby_disabled',
    actions: [callOff('policy'), forget],
  },
  { guard: mayTrack, target: '#standby_active', actions: [callOff('policy'), pauseTracking] },
  {
    guard: all(scheduled, unscheduled('standby')),
    target: '#standby_active',
    actions: [callOff('policy'), pauseTracking],
  },
];

/** On the way to standby, with the guest running as ever. */
const cancellable = {
  ...leaving,
  'run.leaving': { target: '#standby_ineligible', actions: [giveUpMinute('not running'), pauseTracking] },
  'definition.changed': withoutPolicy,
  'observer.lost': blinded,
  'traffic.active': { guard: ofThisRun, target: '#standby_active', actions: [noteActive, callOff('traffic')] },
  'automation.changed': heldBack,
  'hold.placed': forHold,
};

/** A minute of a schedule: the same way from here on as after an idle timeout. */
const onSchedule = [
  { guard: held, actions: skipScheduled('hold') },
  { target: '#queued', actions: [request('schedule'), openSlot] },
];

/** From the moment in which it sleeps. */
const onSleep = { guard: limited, target: '#asleep' };

export const standby = chart.createStateConfig({
  initial: 'disabled',
  states: {
    disabled: {
      id: 'standby_disabled',
      on: {
        'definition.changed': [
          { guard: (moment: Moment) => mayTrack(moment) && observerLost(moment), target: '#blind' },
          { guard: mayTrack, target: '#standby_active' },
          { guard: (moment: Moment) => touchesPolicy(moment) && enabled(moment) && limited(moment), target: '#asleep' },
          { guard: (moment: Moment) => touchesPolicy(moment) && enabled(moment), target: '#standby_ineligible' },
        ],
        'run.ready': { actions: noteAwake },
        'run.ended': { guard: leftSomething, actions: forget },
        'standby.scheduled': { actions: skipScheduled('no policy') },
        'observer.restored': { guard: observerLost, actions: noteObserver('ok') },
        'instance.gone': { guard: observerLost, actions: noteObserver('ok') },
      },
    },
    ineligible: {
      id: 'standby_ineligible',
      on: {
        'run.ready': onReady,
        'run.ended': { guard: leftSomething, actions: forget },
        'sleep.began': onSleep,
        'instance.gone': { target: '#standby_disabled', actions: noteObserver('ok') },
        'definition.changed': [
          { guard: (moment: Moment) => touchesPolicy(moment) && !enabled(moment), target: '#standby_disabled' },
          { guard: (moment: Moment) => touchesPolicy(moment) && limited(moment), target: '#asleep' },
        ],
        'standby.scheduled': { actions: skipScheduled('ineligible') },
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
        'standby.scheduled': onSchedule,
        'hold.placed': { actions: [] },
      },
    },
    countdown: {
      id: 'countdown',
      tags: ['tracked'],
      after: { idle: { target: '#queued', actions: [request('idle'), openSlot] } },
      on: {
        ...leaving,
        'traffic.active': {
          guard: ofThisRun,
          target: '#standby_active',
          actions: [noteActive, sayCancelled('traffic')],
        },
        'automation.changed': heldBack,
        'standby.scheduled': onSchedule,
        'hold.placed': { target: '#countdown', reenter: true },
      },
    },
    /** Only so many guests of a host are put away at once: whoever is due waits for its turn, awake and watched. */
    queued: {
      id: 'queued',
      initial: 'asking',
      tags: ['tracked'],
      exit: closeSlot,
      on: {
        ...cancellable,
        'room.granted': { guard: forStandby, target: '#confirming' },
        'room.held': { guard: forStandby, target: '#slot_held', actions: noteSlotHeld },
      },
      states: {
        asking: {
          id: 'slot_asking',
          tags: ['waits'],
          entry: askSlot,
          after: { slot_deadline: { target: '#slot_asking', reenter: true } },
          on: { 'admission.lost': { target: '#slot_asking', reenter: true } },
        },
        held: { id: 'slot_held', after: { slot_retry: { target: '#slot_asking' } } },
      },
    },
    /** The table is read once more before anything is done; a read that fails restarts the countdown. */
    confirming: {
      id: 'confirming',
      tags: ['tracked', 'waits'],
      entry: askConfirmation,
      after: { confirm_deadline: unconfirmed() },
      on: {
        ...cancellable,
        'admission.lost': { target: '#confirming', reenter: true },
        'traffic.unconfirmed': unconfirmed(ofThisRun),
        'traffic.confirmed_idle': {
          guard: ofThisRun,
          target: '#requested',
          actions: [
            chart.emit(({ context }) => ({
              type: 'standby.requested' as const,
              cause: context.standby.request ?? 'idle',
            })),
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
          actions: [pauseTracking, abandonFor()],
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
            actions: [pauseTracking, abandonFor('policy')],
          },
          {
            guard: (moment: Moment) => touchesPolicy(moment) || all(scheduled, unscheduled('standby'))(moment),
            target: '#standby_ineligible',
            actions: [pauseTracking, abandonFor('policy')],
          },
        ],
        'hold.placed': { target: '#standby_ineligible', actions: [pauseTracking, abandonFor('hold')] },
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
          actions: [pauseTracking, abandonFor('unconfirmed')],
        },
        'standby.taken_over': { target: '#standby_ineligible', actions: pauseTracking },
        'standby.settled': { target: '#standby_ineligible', actions: pauseTracking },
        'run.ready': onReady,
      },
    },
    blind: {
      id: 'blind',
      tags: ['tracked'],
      on: {
        ...leaving,
        'observer.lost': {},
        'observer.restored': { target: '#standby_active', actions: noteObserver('ok') },
        'standby.scheduled': { actions: skipScheduled('observer lost') },
        'hold.placed': { actions: [] },
      },
    },
    asleep,
    asleep_held: asleepHeld,
  },
});
