import { intend, noteResumed } from '../../actions.ts';
import { applyChanges } from '../../definition-actions.ts';
import { beginStop } from '../../end-actions.ts';
import { all, editsAllowed, expiring, forced, foundAs, ofThisRun, resultOfHook } from '../../guards.ts';
import { beginHook, endHook } from '../../hook-actions.ts';
import { onDeleteSnapshot } from '../../snapshot-actions.ts';
import { onEnd } from './ends.ts';
import { lostOnTheWay, placeHold, sayAbandoned, takenOver, unattended } from './falling-asleep.ts';
import { gracefully } from './gracefully.ts';
import { resetRestart } from './restart-commands.ts';

/** On the way to standby a program of the host goes first. Without its word the guest stays awake. */

const stayAwake = (cause: string) => ({
  target: '#running',
  actions: [sayAbandoned(cause), ...noteResumed],
});

const hookWas = (cause: string) => ({ guard: resultOfHook, ...stayAwake(cause) });
const stopWords = [...intend('stopped'), ...beginStop('operator', 'rest')];

export const quiescing = {
  id: 'quiescing',
  tags: ['has_run' as const, 'waits' as const],
  entry: beginHook('before_standby'),
  exit: endHook,
  after: { standby_hook_deadline: stayAwake('hook timed out') },
  on: {
    'effect.done': { guard: resultOfHook, target: '#pausing' },
    'effect.failed': hookWas('hook failed'),
    'effect.unknown': hookWas('hook unknown'),
    'effect.withdrawn': hookWas('hook withdrawn'),
    start: { target: '#running', actions: [...intend('running'), ...stayAwake('start').actions] },
    ignore: { target: '#running', actions: [...intend('ignore'), ...stayAwake('ignore').actions] },
    stop: [{ guard: forced, target: '#killing', actions: stopWords }, ...gracefully(stopWords)],
    delete: gracefully([...intend('stopped'), ...beginStop('delete', 'delete')]),
    hold: { guard: unattended, actions: placeHold },
    standby: takenOver(),
    delete_snapshot: onDeleteSnapshot,
    reset_restart: resetRestart,
    update: { guard: editsAllowed, actions: applyChanges },
    'standby.abandoned': {
      target: '#running',
      actions: [sayAbandoned(), ...noteResumed],
    },
    'vmm.exited': onEnd(),
    'vmm.found': [
      { guard: all(ofThisRun, foundAs('starting', 'running')), ...stayAwake('hook unknown') },
      { guard: all(ofThisRun, foundAs('paused')), target: '#resuming', actions: sayAbandoned('hook unknown') },
      { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), ...lostOnTheWay },
      ...onEnd(),
    ],
    'expiry.reached': [
      ...gracefully(beginStop('expiry', 'rest'), expiring('stop')),
      ...gracefully(beginStop('expiry', 'delete'), expiring('delete')),
    ],
  },
};
