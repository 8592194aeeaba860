import {
  ask,
  beginRun,
  clearTrouble,
  intend,
  noteCommand,
  notePrepareFailed,
  noteTrouble,
  sayAdmissionLost,
  sayPrepared,
  withdrawEarlier,
} from '../../actions.ts';
import { applyChanges, create } from '../../definition-actions.ts';
import { dropSnapshot, forgetStop } from '../../end-actions.ts';
import {
  all,
  awaitsHost,
  editsAllowed,
  expiring,
  foundAs,
  type Guard,
  mayBoot,
  neverRan,
  not,
  ofNewestRun,
  restoresAwake,
  resultOf,
  takesMemory,
} from '../../guards.ts';
import { chart } from '../../setup.ts';
import { beginReverting, knowsSnapshot, onDeleteSnapshot } from '../../snapshot-actions.ts';
import { cancelRestart, giveUpRestart, resetRestart, waiveRestart } from './restart-commands.ts';

/** The states without a VMM: before the first run, at rest, and on the way out. */

/** Stays on record, so that not even a quarantine turns a half-removed instance into one that could be started. */
const noteDeletion = chart.assign({
  stop: { cause: 'delete' as const, next: 'delete' as const, force: false },
  snapshots: [],
  snapshot_work: null,
});

/** Nothing is watched or waited for on behalf of an instance that is going away. */
const sayGone = chart.raise(({ event }) => ({ type: 'instance.gone' as const, at: event.at }));

const sayDeleteRequested = chart.emit({ type: 'instance.remove_requested' });

/** What is not there yet, or no more, hears nothing of the host and of no schedule. */
const deaf = { 'instance.quarantined': {}, 'host.mode_changed': {}, 'schedule.due': {} };

export const absent = {
  on: { create: { target: '#preparing', actions: create }, ...deaf },
};

/** Nothing irreversible has happened: whoever starts it has it prepared again. */
const notPrepared = {
  guard: resultOf('instance.prepare'),
  target: '#failed',
  actions: [...notePrepareFailed, forgetStop],
};

const prepared = resultOf('instance.prepare');

/** Of a fork with memory it stays on record until it is prepared: unlike one that is made to sleep, it takes no copy then. */
const stopEarly = (cause: 'operator' | 'expiry') =>
  chart.assign((moment) => ({ stop: takesMemory(moment) ? { cause, next: 'rest', force: false } : null }));
const isStopped: Guard = ({ context }) => context.stop !== null;

export const preparing = {
  id: 'preparing',
  tags: ['waits' as const],
  entry: ask('instance.prepare'),
  after: { prepare_deadline: { target: '#failed', actions: [noteTrouble, withdrawEarlier, forgetStop] } },
  on: {
    'effect.done': [
      { guard: all(prepared, takesMemory, not(isStopped)), target: '#forking' },
      { guard: all(prepared, mayBoot), target: '#booting', actions: [sayPrepared, ...beginRun('create')] },
      { guard: prepared, target: '#stopped', actions: [sayPrepared, forgetStop] },
    ],
    'effect.failed': notPrepared,
    'effect.withdrawn': { guard: prepared, target: '#failed', actions: [noteTrouble, forgetStop] },
    'effect.unknown': notPrepared,
    'vmm.found': { guard: all(ofNewestRun, foundAs('none')), target: '#preparing', reenter: true },
    start: { actions: [...intend('running'), forgetStop] },
    restart: { actions: [...intend('running'), forgetStop] },
    stop: { actions: [...intend('stopped'), stopEarly('operator')] },
    ignore: { actions: intend('ignore') },
    delete: {
      target: '#deleting',
      actions: [...intend('stopped'), withdrawEarlier],
    },
    update: { guard: editsAllowed, actions: applyChanges },
    'expiry.reached': [
      { guard: expiring('delete'), target: '#deleting', actions: withdrawEarlier },
      { guard: takesMemory, actions: stopEarly('expiry') },
    ],
  },
};

/** What an instance at rest accepts, whether it rests in peace (`stopped`) or not (`failed`). */
const resting = {
  start: { target: '#booting', actions: [...intend('running'), ...beginRun('start')] },
  restart: { target: '#booting', actions: [...intend('running'), ...beginRun('restart')] },
  stop: { actions: intend('stopped') },
  ignore: { actions: intend('ignore') },
  delete: { target: '#deleting', actions: [...intend('stopped')] },
  // What the guest was is taken up again, so nothing is owed to its last end any more.
  restore_snapshot: [
    {
      guard: all(knowsSnapshot, restoresAwake),
      target: '#reverting',
      actions: [...intend('running'), waiveRestart, beginReverting],
    },
    { guard: knowsSnapshot, target: '#reverting', actions: [noteCommand, giveUpRestart, beginReverting] },
  ],
  delete_snapshot: onDeleteSnapshot,
  cancel_restart: cancelRestart,
  reset_restart: resetRestart,
  update: { guard: editsAllowed, actions: applyChanges },
  'vmm.found': { guard: all(ofNewestRun, foundAs('none'), awaitsHost), actions: sayAdmissionLost },
  'boot.wanted': { guard: mayBoot, target: '#booting', actions: beginRun() },
  'expiry.reached': { guard: expiring('delete'), target: '#deleting' },
};

export const stopped = {
  id: 'stopped',
  tags: ['at_rest' as const],
  entry: clearTrouble,
  on: resting,
};

/** Before the first run only a failed preparation leads here, so that is what has to be done again. */
const prepareAgain = { guard: neverRan, target: '#preparing', actions: intend('running') };

export const failed = {
  id: 'failed',
  tags: ['at_rest' as const],
  on: { ...resting, start: [prepareAgain, resting.start], restart: [prepareAgain, resting.restart] },
};

export const deleting = {
  id: 'deleting',
  tags: ['waits' as const],
  entry: [noteDeletion, dropSnapshot, sayDeleteRequested, ask('instance.remove'), sayGone],
  after: { remove_retry: { target: '#deleting', reenter: true } },
  on: {
    'effect.done': {
      guard: resultOf('instance.remove'),
      target: '#deleted',
      actions: chart.emit({ type: 'instance.deleted' }),
    },
    'effect.failed': { guard: resultOf('instance.remove'), actions: noteTrouble },
    'effect.unknown': { guard: resultOf('instance.remove'), actions: noteTrouble },
    'vmm.found': { guard: all(ofNewestRun, not(foundAs('unreachable'))), target: '#deleting', reenter: true },
    delete: { actions: noteCommand },
    stop: { actions: noteCommand },
    'schedule.due': {},
  },
};

/** Not `type: final`: the record of a deleted instance still answers questions. It accepts nothing. */
export const deleted = { id: 'deleted', on: deaf };
