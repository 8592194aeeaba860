import {
  ask,
  beginStop,
  clearTrouble,
  dropSnapshot,
  intend,
  noteBooted,
  noteBootedAt,
  noteCommand,
  noteReady,
  noteResumed,
  noteTrouble,
  redirectStop,
  renewWindow,
  restAfterStop,
  sayAdmissionLost,
  sayFound,
  sayLost,
  sayRebooted,
  withdrawEarlier,
} from '../../actions.ts';
import { applyChanges, applyChangesWhen } from '../../definition-actions.ts';
import {
  all,
  awaitsHost,
  beingDeleted,
  editsAllowed,
  expiring,
  fallingAsleep,
  forced,
  foundAs,
  foundReady,
  foundRebooted,
  hasStandbyHook,
  ignored,
  not,
  ofThisRun,
  resultOf,
  wantsRunning,
} from '../../guards.ts';
import { chart, type Moment } from '../../setup.ts';
import { onEnd } from './ends.ts';
import { gracefully } from './gracefully.ts';
import { askVerdict, cancelRestart, resetRestart, resetRestartOfRunning } from './restart-commands.ts';

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

const goLost = { target: '#lost', actions: [noteTrouble, sayLost, leave()] };

function leave() {
  return chart.raise(({ event }) => ({ type: 'run.leaving' as const, at: event.at }));
}

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

/** The guest of this run has said that it is ready, perhaps before the spawn had reported back. */
function readyEarly({ context }: Moment): boolean {
  return context.run.ready_at !== null;
}

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

function notBooted({ context }: Moment): boolean {
  return context.run.booted_at === null;
}

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
  on: {
    start: { actions: intend('running') },
    ignore: { actions: intend('ignore') },
    restore: { actions: noteCommand },
    reset_restart: resetRestart,
    update: { guard: editsAllowed, actions: applyChanges },
  },
  states: { spawning, awaiting_guest: awaitingGuest },
} as const;

const placeHold = [
  chart.assign(({ context, event }) => ({
    standby: { ...context.standby, hold_until: event.type === 'hold' ? event.until : context.standby.hold_until },
  })),
  chart.emit(({ context }) => ({ type: 'standby.held' as const, until: context.standby.hold_until ?? 0 })),
  chart.raise(({ event }) => ({ type: 'hold.placed' as const, at: event.at })),
];

/** Through the program that the definition names, or at once. */
function toSleep<const A>(actions: A) {
  return [
    { guard: hasStandbyHook, target: '#quiescing', actions },
    { target: '#pausing', actions },
  ] as const;
}

export const running = {
  id: 'running',
  tags: ['has_run' as const],
  entry: dropSnapshot,
  on: {
    'vmm.exited': onEnd(),
    'vmm.found': [
      { guard: all(ofThisRun, foundRebooted), actions: sayRebooted },
      { guard: all(ofThisRun, foundAs('paused'), not(ignored)), target: '#resuming', actions: leave() },
      { guard: all(ofThisRun, foundAs('starting', 'running'), awaitsHost), actions: sayAdmissionLost },
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
    standby: toSleep([noteCommand, chart.emit({ type: 'standby.requested', cause: 'operator' }), leave()]),
    'standby.wanted': toSleep([leave()]),
    'restart.wanted': gracefully(beginStop('health', 'boot'), wantsRunning),
    'expiry.reached': onExpiry,
  },
};

const mayBootNext = all(not(beingDeleted), not(fallingAsleep));

/**
 * While all hands were off a spawn past its deadline was left alone. Now it is withdrawn: what it leaves behind is looked
 * at right after it.
 */
function setToWork<const A>(actions: readonly A[]) {
  return [
    { guard: all(mayBootNext, ignored), target: '#lost', reenter: true, actions: [withdrawEarlier, ...actions] },
    { guard: mayBootNext, actions },
  ] as const;
}

/** The hypervisor cannot say what became of the run. Ask again, at growing intervals; destroy and start nothing. */
export const lost = {
  id: 'lost',
  tags: ['has_run' as const, 'waits' as const],
  entry: ask('vmm.inspect'),
  after: { inspect_retry: { target: '#lost', reenter: true, actions: noteTrouble } },
  on: {
    'vmm.exited': onEnd(),
    'vmm.found': [
      {
        guard: all(ofThisRun, foundAs('starting', 'running', 'paused'), stopPending),
        target: '#killing',
        actions: [sayFound, clearTrouble],
      },
      {
        guard: all(ofThisRun, foundAs('paused'), not(ignored)),
        target: '#resuming',
        actions: [noteBootedAt, sayFound, clearTrouble],
      },
      {
        guard: all(ofThisRun, foundReady),
        target: '#running',
        actions: [noteBootedAt, sayFound, renewWindow, ...noteReady],
      },
      // It was ready before it was lost: no boot deadline may end it now. A paused guest that is ignored stays paused.
      {
        guard: all(ofThisRun, foundAs('starting', 'running', 'paused'), readyEarly),
        target: '#running',
        actions: [noteBootedAt, sayFound, ...noteResumed],
      },
      {
        guard: all(ofThisRun, foundAs('starting', 'running', 'paused')),
        target: '#awaiting_guest',
        actions: [noteBootedAt, sayFound, clearTrouble],
      },
      ...onEnd(),
    ],
    start: setToWork([...intend('running'), resumeWish()]),
    restart: setToWork([...intend('running'), redirectStop('restart', 'boot')]),
    stop: [
      { guard: beingDeleted, target: '#killing', actions: intend('stopped') },
      { target: '#killing', actions: [...intend('stopped'), ...beginStop('operator', 'rest')] },
    ],
    delete: { target: '#killing', actions: [...intend('stopped'), ...beginStop('delete', 'delete')] },
    ignore: [
      { guard: fallingAsleep, actions: intend('ignore') },
      { guard: not(beingDeleted), actions: [...intend('ignore'), restAfterStop] },
    ],
    reset_restart: resetRestart,
    update: { guard: editsAllowed, actions: applyChanges },
    'expiry.reached': [
      { guard: beingDeleted },
      { ...expired('stop'), target: '#killing' },
      { ...expired('delete'), target: '#killing' },
    ],
  },
} as const;

function stopPending({ context }: Moment): boolean {
  return context.stop !== null;
}

/** A start during a stop that got lost boots again once the old run is confirmed ended; otherwise nothing changes. */
function resumeWish() {
  return chart.assign(({ context }) => ({
    stop: context.stop === null ? null : { ...context.stop, cause: 'restart' as const, next: 'boot' as const },
  }));
}
