import {
  ask,
  intend,
  noteBooted,
  noteCommand,
  noteReady,
  noteTrouble,
  sayAdmissionLost,
  sayClock,
  sayClockNotSet,
  sayLost,
  sayRebooted,
} from '../../actions.ts';
import { applyChangesWhen } from '../../definition-actions.ts';
import { beginStop, dropSnapshot } from '../../end-actions.ts';
import {
  all,
  automatic,
  awaitsHost,
  awaitsTurn,
  editsAllowed,
  expiring,
  forced,
  foundAs,
  foundReady,
  foundRebooted,
  ignored,
  not,
  notBooted,
  ofThisRun,
  readyEarly,
  resultOf,
  wantsRunning,
} from '../../guards.ts';
import { dueNow, inTime, noteMinute } from '../../schedule-actions.ts';
import { chart } from '../../setup.ts';
import { beginCapture, mayCreateSnapshot, onDeleteSnapshot, roomForScheduled } from '../../snapshot-actions.ts';
import { whileComingUp } from './coming-up.ts';
import { onEnd } from './ends.ts';
import { placeHold, requestStandby, toSleep } from './falling-asleep.ts';
import { gracefully } from './gracefully.ts';
import { askVerdict, cancelRestart, resetRestartOfRunning } from './restart-commands.ts';

/** The states in which a VMM lives, or is being started, and nobody has asked for its end. */

const stopWords = [...intend('stopped'), ...beginStop('operator', 'rest')];
const stopRequested = [{ guard: forced, target: '#killing', actions: stopWords }, ...gracefully(stopWords)];
const restartRequested = gracefully([...intend('running'), ...beginStop('restart', 'boot')]);
const deleteRequested = gracefully([...intend('stopped'), ...beginStop('delete', 'delete')]);

const expired = (then: 'stop' | 'delete') => ({
  guard: expiring(then),
  actions: beginStop('expiry', then === 'delete' ? 'delete' : 'rest'),
});
const onExpiry = (['stop', 'delete'] as const).flatMap((then) =>
  gracefully(expired(then).actions, expired(then).guard),
);

const leave = chart.raise(({ event }) => ({ type: 'run.leaving' as const, at: event.at }));
const goLost = { target: '#lost', actions: [noteTrouble, sayLost, leave] };

const notReachable = { ...goLost, guard: all(ofThisRun, foundAs('unreachable', 'other_run')) };

const bootTimedOut = beginStop('boot_timeout', 'rest');

/** While the boot itself is under way a stop waits in `withdrawing` for its one result. */
const spawning = {
  id: 'spawning',
  entry: ask('vmm.boot'),
  on: {
    'effect.done': [
      { guard: all(resultOf('vmm.boot'), readyEarly), target: '#running', actions: [...noteBooted, ...noteReady] },
      { guard: resultOf('vmm.boot'), target: '#awaiting_guest', actions: noteBooted },
    ],
    'effect.failed': onEnd(resultOf('vmm.boot')),
    'effect.withdrawn': onEnd(resultOf('vmm.boot')),
    'effect.unknown': { guard: resultOf('vmm.boot'), ...goLost },
    'vmm.exited': onEnd(),
    'vmm.found': [
      { guard: all(ofThisRun, foundAs('none')), target: '#spawning', reenter: true },
      { guard: all(ofThisRun, foundReady), target: '#running', actions: [...noteBooted, ...noteReady] },
      {
        guard: all(ofThisRun, foundAs('running'), readyEarly),
        target: '#running',
        actions: [...noteBooted, ...noteReady],
      },
      { guard: all(ofThisRun, foundAs('starting', 'running')), target: '#awaiting_guest', actions: noteBooted },
      {
        guard: all(ofThisRun, foundAs('paused')),
        target: '#awaiting_guest',
        actions: [...noteBooted, ask('vmm.resume')],
      },
      notReachable,
      ...onEnd(),
    ],
    'guest.ready': {
      guard: all(ofThisRun, not(readyEarly)),
      actions: chart.assign(({ context, event }) => ({ run: { ...context.run, ready_at: event.at } })),
    },
    stop: { target: '#withdrawing', actions: [...intend('stopped'), ...beginStop('operator', 'rest')] },
    restart: { target: '#withdrawing', actions: [...intend('running'), ...beginStop('restart', 'boot')] },
    delete: { target: '#withdrawing', actions: [...intend('stopped'), ...beginStop('delete', 'delete')] },
    'expiry.reached': [
      { ...expired('stop'), target: '#withdrawing' },
      { ...expired('delete'), target: '#withdrawing' },
    ],
  },
};

const awaitingGuest = {
  id: 'awaiting_guest',
  on: {
    'guest.ready': { guard: ofThisRun, target: '#running', actions: noteReady },
    'vmm.exited': onEnd(),
    'vmm.found': [
      { guard: all(ofThisRun, foundReady), target: '#running', actions: noteReady },
      { guard: all(ofThisRun, foundAs('paused'), not(ignored)), actions: ask('vmm.resume') },
      notReachable,
      ...onEnd(),
    ],
    'guest.rebooted': { guard: ofThisRun, actions: sayRebooted },
    stop: stopRequested,
    restart: restartRequested,
    delete: deleteRequested,
    'expiry.reached': onExpiry,
  },
};

export const booting = {
  id: 'booting',
  initial: 'spawning',
  tags: ['has_run' as const, 'waits' as const],
  after: {
    boot_deadline: [
      // Somebody is looking at it: a guest that takes long is left as it is, a spawn without a result is looked for.
      { guard: all(ignored, not(notBooted)), target: '#awaiting_guest', reenter: true },
      { guard: ignored, ...goLost },
      { guard: notBooted, target: '#withdrawing', actions: bootTimedOut },
      { target: '#killing', actions: bootTimedOut },
    ],
  },
  on: whileComingUp,
  states: { spawning, awaiting_guest: awaitingGuest },
} as const;

const endRequest = chart.enqueueActions(({ context, enqueue }) => {
  if (context.standby.request !== null) enqueue.assign({ standby: { ...context.standby, request: null } });
});

const sleepRequested = [
  noteCommand,
  requestStandby('operator'),
  chart.emit({ type: 'standby.requested', cause: 'operator' }),
  leave,
];

export const running = {
  id: 'running',
  tags: ['has_run' as const],
  entry: [dropSnapshot, endRequest],
  on: {
    'vmm.exited': onEnd(),
    'vmm.found': [
      { guard: all(ofThisRun, foundRebooted), actions: sayRebooted },
      { guard: all(ofThisRun, foundAs('paused'), not(ignored)), target: '#resuming', actions: leave },
      { guard: all(ofThisRun, foundAs('starting', 'running'), awaitsHost), actions: sayAdmissionLost },
      { guard: all(ofThisRun, foundAs('starting', 'running'), awaitsTurn), actions: sayAdmissionLost },
      notReachable,
      ...onEnd(),
    ],
    'guest.rebooted': { guard: ofThisRun, actions: sayRebooted },
    start: { actions: [...intend('running'), askVerdict] },
    ignore: { actions: intend('ignore') },
    stop: stopRequested,
    restart: restartRequested,
    delete: deleteRequested,
    restore: { actions: noteCommand },
    cancel_restart: cancelRestart,
    reset_restart: resetRestartOfRunning,
    update: { guard: editsAllowed, actions: applyChangesWhen(true) },
    hold: { actions: placeHold },
    create_snapshot: { guard: mayCreateSnapshot, target: '#capturing', actions: [noteCommand, beginCapture, leave] },
    delete_snapshot: onDeleteSnapshot,
    'schedule.due': [
      {
        guard: all(dueNow('standby'), automatic),
        actions: [noteMinute, chart.raise(({ event }) => ({ type: 'standby.scheduled' as const, at: event.at }))],
      },
      {
        guard: all(dueNow('snapshot'), automatic, inTime, roomForScheduled),
        target: '#capturing',
        actions: [noteMinute, beginCapture, leave],
      },
      // It is awake already.
      { guard: dueNow('wake'), actions: noteMinute },
    ],
    standby: toSleep(sleepRequested),
    'standby.wanted': toSleep([leave]),
    'restart.wanted': gracefully(beginStop('health', 'boot'), wantsRunning),
    'expiry.reached': onExpiry,
    // After a pause: what became of its clock is told, and nothing follows from it.
    'effect.done': { guard: resultOf('guest.set_clock'), actions: sayClock },
    'effect.failed': { guard: resultOf('guest.set_clock'), actions: sayClockNotSet },
    'effect.unknown': { guard: resultOf('guest.set_clock'), actions: sayClockNotSet },
  },
};
