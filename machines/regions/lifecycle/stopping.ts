import {
  ask,
  intend,
  intendQuietly,
  noteBooted,
  noteCommand,
  noteTrouble,
  sayLost,
  withdrawEarlier,
} from '../../actions.ts';
import { applyChanges } from '../../definition-actions.ts';
import {
  forgetStop,
  hasten,
  noteKillRequested,
  redirectStop,
  restAfterStop,
  restoreAfterwards,
  sleepAfterwards,
  startAfterwards,
  wakeAgainAfterwards,
} from '../../end-actions.ts';
import {
  all,
  beingDeleted,
  editsAllowed,
  expiring,
  fallingAsleep,
  forced,
  foundAs,
  mayWakeAgain,
  nextIs,
  not,
  ofThisRun,
  resultOf,
  resultOfHook,
  wakesAgain,
} from '../../guards.ts';
import { beginHook, endHook } from '../../hook-actions.ts';
import type { Moment } from '../../setup.ts';
import { onDeleteSnapshot } from '../../snapshot-actions.ts';
import { goLost, onEnd } from './ends.ts';
import { resetRestart } from './restart-commands.ts';

/**
 * A run is being ended. Its end is believed only when confirmed: by the hypervisor's observation, by the result of the
 * kill, or by an inspection. Every wait here has a deadline that leads on.
 */

const mustKill = ({ context }: Moment): boolean =>
  context.stop?.force === true || context.stop?.cause === 'boot_timeout';

const mayBootNext = all(not(beingDeleted), not(fallingAsleep));

const spawnResult = resultOf('vmm.boot', 'vmm.restore');

/** It was taken up after all, and by now somebody wants that: its guest has to answer, as after any restore. */
const takenUp = [...noteBooted, forgetStop];

/** The boot or restore was withdrawn; it still ends in exactly one result, and only that says whether a VMM lives. */
const withdrawing = {
  id: 'withdrawing',
  entry: withdrawEarlier,
  after: { withdraw_deadline: goLost },
  on: {
    'effect.done': [
      { guard: all(spawnResult, wakesAgain), target: '#answering', actions: takenUp },
      { guard: all(spawnResult, mustKill), target: '#killing', actions: noteBooted },
      { guard: spawnResult, target: '#graceful', actions: noteBooted },
    ],
    'effect.failed': onEnd(spawnResult),
    'effect.withdrawn': onEnd(spawnResult),
    'effect.unknown': { guard: spawnResult, ...goLost },
    'vmm.exited': onEnd(),
    'vmm.found': [
      ...onEnd(),
      { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), ...goLost },
      { guard: all(ofThisRun, wakesAgain, foundAs('running')), target: '#answering', actions: takenUp },
      { guard: all(ofThisRun, wakesAgain), target: '#answering', actions: [...takenUp, ask('vmm.resume')] },
      { guard: all(ofThisRun, mustKill), target: '#killing', actions: noteBooted },
      { guard: ofThisRun, target: '#graceful', actions: noteBooted },
    ],
    // A restore that takes too long is undone, and asked for again: a boot would throw away what is still good.
    start: { guard: mayWakeAgain, actions: [...intend('running'), wakeAgainAfterwards] },
    restore: { guard: mayWakeAgain, actions: [...intendQuietly('running'), wakeAgainAfterwards] },
    ignore: { guard: wakesAgain, actions: [...intend('ignore'), redirectStop('boot_timeout', 'rest')] },
  },
};

const forcedStop = [
  { guard: all(forced, beingDeleted), target: '#killing', actions: [...intend('stopped'), hasten] },
  { guard: forced, target: '#killing', actions: [...intend('stopped'), redirectStop('operator', 'rest')] },
];

/** A program of the host goes first. It cannot keep the stop away: whatever becomes of it, the stop goes on. */
const beforeStop = {
  id: 'before_stop',
  entry: beginHook('before_stop'),
  exit: endHook,
  after: { stop_hook_deadline: { target: '#graceful' } },
  on: {
    'vmm.exited': onEnd(),
    'effect.done': { guard: resultOfHook, target: '#graceful' },
    'effect.failed': { guard: resultOfHook, target: '#graceful' },
    'effect.unknown': { guard: resultOfHook, target: '#graceful' },
    'effect.withdrawn': { guard: resultOfHook, target: '#graceful' },
    'vmm.found': [
      { guard: all(ofThisRun, foundAs('starting', 'running')), target: '#graceful' },
      { guard: all(ofThisRun, foundAs('paused')), target: '#graceful', actions: ask('vmm.resume') },
      { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), target: '#killing' },
      ...onEnd(),
    ],
    stop: forcedStop,
  },
};

const graceful = {
  id: 'graceful',
  entry: ask('vmm.shutdown'),
  after: { stop_deadline: { target: '#killing' } },
  on: {
    'vmm.exited': onEnd(),
    'effect.done': onEnd(resultOf('vmm.shutdown')),
    'effect.failed': { guard: resultOf('vmm.shutdown'), target: '#killing' },
    'effect.unknown': { guard: resultOf('vmm.shutdown'), target: '#killing' },
    'vmm.found': [
      { guard: all(ofThisRun, foundAs('starting', 'running')), target: '#graceful', reenter: true },
      { guard: all(ofThisRun, foundAs('paused')), target: '#graceful', reenter: true, actions: ask('vmm.resume') },
      { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), target: '#killing' },
      ...onEnd(),
    ],
    stop: forcedStop,
  },
};

const killing = {
  id: 'killing',
  entry: [noteKillRequested, withdrawEarlier, ask('vmm.kill')],
  after: { kill_deadline: { target: '#lost', actions: [noteTrouble, sayLost, withdrawEarlier] } },
  on: {
    // Past the point of no return: who is wanted up wakes as soon as it sleeps.
    start: { guard: fallingAsleep, actions: startAfterwards },
    restore: { guard: fallingAsleep, actions: restoreAfterwards },
    standby: { guard: fallingAsleep, actions: [noteCommand, sleepAfterwards] },
    'vmm.exited': onEnd(),
    'effect.done': onEnd(resultOf('vmm.kill')),
    'effect.failed': { guard: resultOf('vmm.kill'), ...goLost },
    'effect.unknown': { guard: resultOf('vmm.kill'), ...goLost },
    'vmm.found': [
      { guard: all(ofThisRun, foundAs('starting', 'running', 'paused')), target: '#killing', reenter: true },
      { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), ...goLost },
      ...onEnd(),
    ],
  },
};

export const stopping = {
  id: 'stopping',
  initial: 'graceful',
  tags: ['has_run' as const, 'waits' as const],
  on: {
    stop: [
      { guard: all(beingDeleted, forced), actions: [...intend('stopped'), hasten] },
      { guard: beingDeleted, actions: intend('stopped') },
      { actions: [...intend('stopped'), redirectStop('operator', 'rest')] },
    ],
    start: { guard: mayBootNext, actions: [...intend('running'), redirectStop('restart', 'boot')] },
    restart: { guard: mayBootNext, actions: [...intend('running'), redirectStop('restart', 'boot')] },
    delete: { actions: [...intend('stopped'), redirectStop('delete', 'delete')] },
    // An end under way is seen through; nothing follows it. A sleeper's memory is kept.
    ignore: [
      { guard: fallingAsleep, actions: [...intend('ignore'), sleepAfterwards] },
      { guard: not(beingDeleted), actions: [...intend('ignore'), restAfterStop] },
    ],
    reset_restart: resetRestart,
    delete_snapshot: onDeleteSnapshot,
    update: { guard: editsAllowed, actions: applyChanges },
    'expiry.reached': [
      { guard: expiring('delete'), actions: redirectStop('expiry', 'delete') },
      { guard: all(expiring('stop'), not(nextIs('delete'))), actions: redirectStop('expiry', 'rest') },
    ],
  },
  states: { withdrawing, before_stop: beforeStop, graceful, killing },
} as const;
