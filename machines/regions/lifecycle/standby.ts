import {
  ask,
  askRestore,
  askSnapshot,
  beginRestore,
  beginStop,
  dropSnapshot,
  forgetStop,
  intend,
  intendQuietly,
  noteBooted,
  noteCommand,
  noteEnd,
  noteResumed,
  noteTrouble,
  sayLost,
  snapshotName,
  withdrawEarlier,
} from '../../actions.ts';
import { applyChanges } from '../../definition-actions.ts';
import { all, editsAllowed, expiring, foundAs, foundReady, ignored, ofThisRun, resultOf } from '../../guards.ts';
import { chart, type Moment } from '../../setup.ts';
import { onEnd } from './ends.ts';
import { gracefully } from './gracefully.ts';
import { resetRestart } from './restart-commands.ts';

/** The way into standby and back: pause, snapshot, end the VMM; restore. Each wait has a result, an error, a deadline. */

const goLost = { target: '#lost', actions: [noteTrouble, sayLost] };
/** Only a guest that runs hears the power button: what is under way is withdrawn and a paused guest let go first. */
const letGo = [withdrawEarlier, ask('vmm.resume')];
const stopWords = [...intend('stopped'), ...beginStop('operator', 'rest')];
const deleteWords = [...intend('stopped'), ...beginStop('delete', 'delete')];
const stopRequested = gracefully([...stopWords, ...letGo]);
const deleteRequested = gracefully([...deleteWords, ...letGo]);

const onExpiry = [
  ...gracefully([...beginStop('expiry', 'rest'), ...letGo], expiring('stop')),
  ...gracefully([...beginStop('expiry', 'delete'), ...letGo], expiring('delete')),
];

const sayAbandoned = (cause: string) => chart.emit({ type: 'standby.abandoned', cause });
const abandon = (cause: string) => ({
  target: '#resuming',
  actions: [noteTrouble, withdrawEarlier, sayAbandoned(cause)],
});

/** Standby begins only without doubt: after an automatic request the table must be empty while the guest is paused. */
const askedByIdleness = ({ context }: Moment): boolean => context.standby.idle_since !== null;

const onTheWay = {
  stop: stopRequested,
  delete: deleteRequested,
  start: { target: '#resuming', actions: [...intend('running'), withdrawEarlier, sayAbandoned('start')] },
  ignore: { target: '#resuming', actions: [...intend('ignore'), withdrawEarlier, sayAbandoned('ignore')] },
  standby: { actions: noteCommand },
  reset_restart: resetRestart,
  update: { guard: editsAllowed, actions: applyChanges },
  'vmm.exited': onEnd(),
  'standby.abandoned': {
    target: '#resuming',
    actions: [
      withdrawEarlier,
      chart.emit(({ event }) => ({
        type: 'standby.abandoned' as const,
        cause: event.type === 'standby.abandoned' ? event.cause : '',
      })),
    ],
  },
  'expiry.reached': onExpiry,
};

/** Only a table read after the pause counts: an earlier answer may not have seen the last connection. */
const pausingStates = {
  freezing: {
    on: {
      'effect.done': [
        { guard: all(resultOf('vmm.pause'), askedByIdleness), target: 'frozen' },
        { guard: resultOf('vmm.pause'), target: '#snapshotting' },
      ],
    },
  },
  frozen: { entry: ask('traffic.confirm'), on: { 'idle.confirmed': { target: '#snapshotting' } } },
};

export const pausing = {
  id: 'pausing',
  initial: 'freezing',
  tags: ['has_run' as const, 'waits' as const],
  entry: ask('vmm.pause'),
  after: { pause_deadline: abandon('deadline') },
  states: pausingStates,
  on: {
    ...onTheWay,
    'effect.failed': { guard: resultOf('vmm.pause'), ...abandon('failed') },
    'effect.unknown': { guard: resultOf('vmm.pause'), ...abandon('unknown') },
    'vmm.found': [
      { guard: all(ofThisRun, foundAs('starting', 'running', 'paused')), target: '#resuming' },
      { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), ...goLost },
      ...onEnd(),
    ],
  },
};

export const snapshotting = {
  id: 'snapshotting',
  tags: ['has_run' as const, 'waits' as const],
  entry: askSnapshot,
  after: { snapshot_deadline: abandon('deadline') },
  on: {
    ...onTheWay,
    'effect.done': {
      guard: resultOf('vmm.snapshot'),
      target: '#killing',
      actions: [
        chart.assign(({ context, event }) => ({
          snapshot: { name: snapshotName(context), run: context.run.number, taken_at: event.at },
          stop: { cause: 'standby' as const, next: 'standby' as const, force: true },
        })),
      ],
    },
    'effect.failed': { guard: resultOf('vmm.snapshot'), ...abandon('failed') },
    'effect.unknown': { guard: resultOf('vmm.snapshot'), ...abandon('unknown') },
    'vmm.found': [
      { guard: all(ofThisRun, foundAs('starting', 'running', 'paused')), target: '#resuming' },
      { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), ...goLost },
      ...onEnd(),
    ],
  },
};

export const resuming = {
  id: 'resuming',
  tags: ['has_run' as const, 'waits' as const],
  entry: ask('vmm.resume'),
  after: { resume_deadline: goLost },
  on: {
    stop: stopRequested,
    delete: deleteRequested,
    'expiry.reached': onExpiry,
    start: { actions: intend('running') },
    ignore: { actions: intend('ignore') },
    restore: { actions: noteCommand },
    reset_restart: resetRestart,
    update: { guard: editsAllowed, actions: applyChanges },
    'vmm.exited': onEnd(),
    'effect.done': { guard: resultOf('vmm.resume'), target: '#running', actions: noteResumed },
    'effect.failed': { guard: resultOf('vmm.resume'), ...goLost },
    'effect.unknown': { guard: resultOf('vmm.resume'), ...goLost },
    'vmm.found': [
      { guard: all(ofThisRun, foundReady), target: '#running', actions: noteResumed },
      { guard: all(ofThisRun, foundAs('starting', 'running', 'paused')), target: '#resuming', reenter: true },
      { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), ...goLost },
      ...onEnd(),
    ],
  },
};

const restored = [
  ...noteBooted,
  chart.emit(({ context }) => ({ type: 'instance.restored' as const, run: context.run.number })),
  ...noteResumed,
];

/** A restore that certainly did not happen leaves the snapshot as it was; nothing automatic follows. */
const backToSleep = [
  noteTrouble,
  chart.assign({ stop: { cause: 'standby' as const, next: 'standby' as const, force: false } }),
  ...noteEnd,
  forgetStop,
];

export const restoring = {
  id: 'restoring',
  tags: ['has_run' as const, 'waits' as const],
  entry: askRestore,
  after: {
    restore_deadline: [
      { guard: ignored, ...goLost },
      { target: '#withdrawing', actions: beginStop('boot_timeout', 'rest') },
    ],
  },
  on: {
    stop: { target: '#withdrawing', actions: stopWords },
    delete: { target: '#withdrawing', actions: deleteWords },
    'expiry.reached': [
      { guard: expiring('stop'), target: '#withdrawing', actions: beginStop('expiry', 'rest') },
      { guard: expiring('delete'), target: '#withdrawing', actions: beginStop('expiry', 'delete') },
    ],
    start: { actions: intend('running') },
    ignore: { actions: intend('ignore') },
    restore: { actions: noteCommand },
    reset_restart: resetRestart,
    update: { guard: editsAllowed, actions: applyChanges },
    'vmm.exited': onEnd(),
    'effect.done': { guard: resultOf('vmm.restore'), target: '#running', actions: restored },
    'effect.failed': { guard: resultOf('vmm.restore'), target: '#standby', actions: backToSleep },
    'effect.withdrawn': onEnd(resultOf('vmm.restore')),
    'effect.unknown': { guard: resultOf('vmm.restore'), ...goLost },
    'vmm.found': [
      { guard: all(ofThisRun, foundAs('none')), target: '#restoring', reenter: true },
      { guard: all(ofThisRun, foundReady), target: '#running', actions: restored },
      { guard: all(ofThisRun, foundAs('starting', 'running', 'paused')), target: '#resuming', actions: noteBooted },
      { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), ...goLost },
      ...onEnd(),
    ],
  },
};

/** Asleep: no VMM, a snapshot. Whatever ended the run that made it stays on record in `run.exit`. */
export const standby = {
  id: 'standby',
  tags: ['at_rest' as const],
  entry: chart.emit(({ context }) => ({
    type: 'standby.entered' as const,
    run: context.run.number,
    snapshot: context.snapshot?.name ?? '',
  })),
  on: {
    restore: { target: '#restoring', actions: [...intendQuietly('running'), ...beginRestore] },
    standby: { actions: noteCommand },
    stop: { target: '#stopped', actions: [...intend('stopped'), dropSnapshot] },
    ignore: { actions: intend('ignore') },
    delete: { target: '#deleting', actions: intend('stopped') },
    reset_restart: resetRestart,
    update: { guard: editsAllowed, actions: applyChanges },
    'expiry.reached': [
      { guard: expiring('delete'), target: '#deleting' },
      { target: '#stopped', actions: dropSnapshot },
    ],
  },
};
