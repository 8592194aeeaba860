import {
  ask,
  askSnapshot,
  intend,
  noteCommand,
  noteTrouble,
  sayLost,
  snapshotName,
  withdrawEarlier,
} from '../../actions.ts';
import { applyChanges } from '../../definition-actions.ts';
import { beginStop, forgetStop, noteEnd } from '../../end-actions.ts';
import {
  all,
  editsAllowed,
  expiring,
  forced,
  foundAs,
  hasStandbyHook,
  ofThisRun,
  resultOf,
  saysEnded,
} from '../../guards.ts';
import { chart, type Moment } from '../../setup.ts';
import { onDeleteSnapshot } from '../../snapshot-actions.ts';
import { onEnd } from './ends.ts';
import { gracefully } from './gracefully.ts';
import { resetRestart } from './restart-commands.ts';

/**
 * The way into standby: pause, read the table, snapshot, read the table again, end the VMM. Until that end is asked for
 * the guest is resumed for anybody who needs it. An operator's standby reads no table, for it ignores connections.
 */

/** Only a guest that runs hears the power button: what is under way is withdrawn and a paused guest let go first. */
export const letGo = [withdrawEarlier, ask('vmm.resume')];
const stopWords = [...intend('stopped'), ...beginStop('operator', 'rest')];
const deleteWords = [...intend('stopped'), ...beginStop('delete', 'delete')];

export const stopPaused = [
  { guard: forced, target: '#killing', actions: stopWords },
  ...gracefully([...stopWords, ...letGo]),
];
export const deletePaused = gracefully([...deleteWords, ...letGo]);
export const expirePaused = [
  ...gracefully([...beginStop('expiry', 'rest'), ...letGo], expiring('stop')),
  ...gracefully([...beginStop('expiry', 'delete'), ...letGo], expiring('delete')),
];

/** Tells that the standby is given up, and, of one that a schedule asked for, that nothing comes of that minute. */
export const sayAbandoned = (cause?: string) =>
  chart.enqueueActions(({ context, event, enqueue }) => {
    const told = cause ?? (event.type === 'standby.abandoned' ? event.cause : '');
    enqueue.emit({ type: 'standby.abandoned', cause: told });
    if (context.standby.request === 'schedule') {
      enqueue.emit({ type: 'schedule.skipped', schedule: 'standby', cause: told });
    }
    enqueue.assign({ standby: { ...context.standby, request: null } });
  });

/** Its VMM is out of sight. */
export const lostOnTheWay = { target: '#lost', actions: [noteTrouble, sayAbandoned('lost'), sayLost] };

const abandon = (cause: string) => ({
  target: '#resuming',
  actions: [noteTrouble, withdrawEarlier, sayAbandoned(cause)],
});

/** Traffic matters to it: it was not an operator's word. */
export const unattended = ({ context }: Moment): boolean => context.standby.request !== 'operator';

export const requestStandby = (request: 'idle' | 'schedule' | 'operator') =>
  chart.assign(({ context }) => ({ standby: { ...context.standby, request } }));

/** An operator wants the same as what is under way: from now on nobody's traffic ends it. */
export const takeOver = [
  noteCommand,
  requestStandby('operator'),
  chart.emit({ type: 'standby.requested', cause: 'operator' }),
  chart.raise(({ event }) => ({ type: 'standby.taken_over' as const, at: event.at })),
];

/** The first word of an operator takes over; another one changes nothing. */
export const takenOver = (target?: string) => [
  { guard: unattended, ...(target !== undefined && { target }), actions: takeOver },
  { actions: noteCommand },
];

/** Last write wins, also a shorter one. The standby region hears of it and calls off what traffic would have. */
export const placeHold = [
  noteCommand,
  chart.assign(({ context, event }) => ({
    standby: { ...context.standby, hold_until: event.type === 'hold' ? event.until : context.standby.hold_until },
  })),
  chart.emit(({ context }) => ({ type: 'standby.held' as const, until: context.standby.hold_until ?? 0 })),
  chart.raise(({ event }) => ({ type: 'hold.placed' as const, at: event.at })),
];

/** Through the program that the definition names, or at once. */
export function toSleep<const A>(actions: A) {
  return [
    { guard: hasStandbyHook, target: '#quiescing', actions },
    { target: '#pausing', actions },
  ] as const;
}

const onTheWay = {
  stop: stopPaused,
  delete: deletePaused,
  start: { target: '#resuming', actions: [...intend('running'), withdrawEarlier, sayAbandoned('start')] },
  ignore: { target: '#resuming', actions: [...intend('ignore'), withdrawEarlier, sayAbandoned('ignore')] },
  hold: { guard: unattended, actions: placeHold },
  standby: takenOver(),
  delete_snapshot: onDeleteSnapshot,
  reset_restart: resetRestart,
  update: { guard: editsAllowed, actions: applyChanges },
  'vmm.exited': onEnd(),
  'standby.abandoned': { target: '#resuming', actions: [withdrawEarlier, sayAbandoned()] },
  'expiry.reached': expirePaused,
  'vmm.found': [
    {
      guard: all(ofThisRun, foundAs('starting', 'running', 'paused')),
      target: '#resuming',
      actions: sayAbandoned('daemon ended'),
    },
    { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), ...lostOnTheWay },
    ...onEnd(),
  ],
};

/** Only a table read after the pause counts: an earlier answer may not have seen the last connection. */
const pausingStates = {
  freezing: {
    id: 'freezing',
    on: {
      'effect.done': [
        { guard: all(resultOf('vmm.pause'), unattended), target: '#frozen' },
        { guard: resultOf('vmm.pause'), target: '#snapshotting' },
      ],
    },
  },
  frozen: {
    id: 'frozen',
    entry: ask('traffic.confirm'),
    on: { 'idle.confirmed': { target: '#snapshotting' }, standby: takenOver('#snapshotting') },
  },
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
  },
};

/** The guest's memory is on disk: nothing keeps the VMM any more, and from here on nothing brings it back but a restore. */
const pointOfNoReturn = [
  chart.assign({ stop: { cause: 'standby' as const, next: 'standby' as const, force: true } }),
  chart.raise(({ event }) => ({ type: 'standby.settled' as const, at: event.at })),
];

export const snapshotting = {
  id: 'snapshotting',
  tags: ['has_run' as const, 'waits' as const],
  entry: askSnapshot,
  // However this ends something may lie there, and whoever is not put away has it dropped.
  exit: chart.assign(({ context, event }) => ({
    snapshot: { name: snapshotName(context), run: context.run.number, taken_at: event.at },
  })),
  after: { snapshot_deadline: abandon('deadline') },
  on: {
    ...onTheWay,
    'effect.done': [
      { guard: all(resultOf('vmm.snapshot'), unattended), target: '#sealing' },
      { guard: resultOf('vmm.snapshot'), target: '#killing', actions: pointOfNoReturn },
    ],
    'effect.failed': { guard: resultOf('vmm.snapshot'), ...abandon('failed') },
    'effect.unknown': { guard: resultOf('vmm.snapshot'), ...abandon('unknown') },
  },
};

/** Its VMM has ended by itself, and its guest has stood still since its memory was saved: it sleeps. */
const putAway = (guard: (moment: Moment) => boolean) => ({
  guard,
  target: '#standby',
  actions: [...pointOfNoReturn, ...noteEnd, forgetStop],
});

const [foundAlive, foundLost] = onTheWay['vmm.found'];

/** The snapshot is whole. The last look at the table before the VMM is ended: a client may have come since the first. */
export const sealing = {
  id: 'sealing',
  tags: ['has_run' as const, 'waits' as const],
  entry: ask('traffic.confirm'),
  after: { seal_deadline: abandon('deadline') },
  on: {
    ...onTheWay,
    standby: { target: '#killing', actions: [...takeOver, ...pointOfNoReturn] },
    'idle.confirmed': { target: '#killing', actions: pointOfNoReturn },
    'vmm.exited': putAway(ofThisRun),
    'vmm.found': [foundAlive, foundLost, putAway(all(ofThisRun, saysEnded))],
  },
};
