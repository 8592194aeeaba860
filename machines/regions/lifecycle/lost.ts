import {
  ask,
  clearTrouble,
  intend,
  intendQuietly,
  noteBootedAt,
  noteReady,
  noteResumed,
  noteTrouble,
  renewWindow,
  sayFound,
  withdrawEarlier,
} from '../../actions.ts';
import { applyChanges } from '../../definition-actions.ts';
import {
  beginStop,
  forgetStop,
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
  foundAs,
  foundReady,
  ignored,
  mayWakeAgain,
  not,
  ofThisRun,
  readyEarly,
  wakesAgain,
} from '../../guards.ts';
import { chart, type Moment } from '../../setup.ts';
import { onDeleteSnapshot } from '../../snapshot-actions.ts';
import { onEnd } from './ends.ts';
import { resetRestart } from './restart-commands.ts';

/** It has been taken up from a snapshot and has not answered yet. */
const isRestored = ({ context: { run } }: Moment): boolean => run.cause === 'restore' && run.ready_at === null;

const stopPending = all(({ context }) => context.stop !== null, not(wakesAgain));

/** A start during a stop that got lost boots again once the old run is confirmed ended; otherwise nothing changes. */
const resumeWish = chart.assign(({ context }) => ({
  stop: context.stop === null ? null : { ...context.stop, cause: 'restart' as const, next: 'boot' as const },
}));

const expired = (then: 'stop' | 'delete') => ({
  guard: expiring(then),
  target: '#killing',
  actions: beginStop('expiry', then === 'delete' ? 'delete' : 'rest'),
});

const mayBootNext = all(not(beingDeleted), not(fallingAsleep));

/**
 * While all hands were off a spawn past its deadline was left alone. Now it is withdrawn: what it leaves behind is looked
 * at right after it.
 */
function setToWork<const A>(guard: (moment: Moment) => boolean, actions: readonly A[]) {
  return [
    { guard: all(guard, ignored), target: '#lost', reenter: true, actions: [withdrawEarlier, ...actions] },
    { guard, actions },
  ] as const;
}

/** Seen again, and nobody wants its end. */
const seen = [noteBootedAt, sayFound, forgetStop];

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
        actions: [noteBootedAt, sayFound, clearTrouble],
      },
      // Whether anybody is alive in a restored guest was not known before either.
      {
        guard: all(ofThisRun, foundAs('paused'), isRestored, not(ignored)),
        target: '#answering',
        actions: [...seen, clearTrouble, ask('vmm.resume')],
      },
      {
        guard: all(ofThisRun, foundAs('starting', 'running', 'paused'), isRestored, not(foundReady)),
        target: '#answering',
        actions: [...seen, clearTrouble],
      },
      {
        guard: all(ofThisRun, foundAs('paused'), not(ignored)),
        target: '#resuming',
        actions: [noteBootedAt, sayFound, clearTrouble],
      },
      {
        guard: all(ofThisRun, foundReady),
        target: '#running',
        actions: [...seen, renewWindow, ...noteReady],
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
    start: [
      ...setToWork(mayWakeAgain, [...intend('running'), wakeAgainAfterwards]),
      ...setToWork(mayBootNext, [...intend('running'), resumeWish]),
      { guard: fallingAsleep, actions: startAfterwards },
    ],
    restore: [
      ...setToWork(mayWakeAgain, [...intendQuietly('running'), wakeAgainAfterwards]),
      { guard: fallingAsleep, actions: restoreAfterwards },
    ],
    restart: setToWork(mayBootNext, [...intend('running'), redirectStop('restart', 'boot')]),
    stop: [
      { guard: beingDeleted, target: '#killing', actions: intend('stopped') },
      { target: '#killing', actions: [...intend('stopped'), ...beginStop('operator', 'rest')] },
    ],
    delete: { target: '#killing', actions: [...intend('stopped'), ...beginStop('delete', 'delete')] },
    ignore: [
      { guard: fallingAsleep, actions: [...intend('ignore'), sleepAfterwards] },
      { guard: wakesAgain, actions: [...intend('ignore'), forgetStop] },
      { guard: not(beingDeleted), actions: [...intend('ignore'), restAfterStop] },
    ],
    delete_snapshot: onDeleteSnapshot,
    reset_restart: resetRestart,
    update: { guard: editsAllowed, actions: applyChanges },
    'expiry.reached': [{ guard: beingDeleted }, expired('stop'), expired('delete')],
  },
} as const;
