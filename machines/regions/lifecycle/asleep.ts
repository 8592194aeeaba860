import { beginRestore, intend, intendQuietly, noteCommand } from '../../actions.ts';
import { applyChanges } from '../../definition-actions.ts';
import { dropSnapshot } from '../../end-actions.ts';
import {
  all,
  automatic,
  editsAllowed,
  expiring,
  foundAs,
  not,
  ofNewestRun,
  restoresAwake,
  resultOf,
  wantsRunning,
} from '../../guards.ts';
import { heldBackBy } from '../../rules.ts';
import { dueNow, inTime, noteMinute, skipped, unscheduled } from '../../schedule-actions.ts';
import { chart, type Moment } from '../../setup.ts';
import {
  askCopy,
  beginCapture,
  beginReverting,
  endCapture,
  knowsSnapshot,
  mayCreateSnapshot,
  onDeleteSnapshot,
  roomForScheduled,
} from '../../snapshot-actions.ts';
import { resetRestart, waiveRestart } from './restart-commands.ts';

/** Asleep: no VMM, a snapshot. Whatever ended the run that made it stays on record in `run.exit`. */

const limitIs =
  (then: 'stop' | 'delete') =>
  ({ event }: Moment): boolean =>
    event.type === 'sleep.limit_reached' && event.then === then;

/** Told once for each time that it falls asleep: whoever could not be woken, or brought back to earlier, sleeps on. */
const noteAsleep = chart.enqueueActions(({ context, event, enqueue }) => {
  if (context.standby.asleep_since === null) {
    enqueue.emit({ type: 'standby.entered', run: context.run.number, snapshot: context.snapshot?.name ?? '' });
    enqueue.assign({ standby: { ...context.standby, asleep_since: event.at } });
  }
  enqueue.raise({ type: 'sleep.began', at: event.at });
});

const sayWoken = chart.raise(({ event }) => ({ type: 'sleep.ended' as const, at: event.at }));

const openWake = chart.assign(({ event }) => ({
  admission: { purpose: 'wake' as const, since: event.at, reason: null, retry_at: null },
}));

const askWake = [
  chart.assign(({ context }) => ({
    admission: context.admission === null ? null : { ...context.admission, reason: null, retry_at: null },
  })),
  {
    type: 'ask' as const,
    params: ({ context }: { context: { run: { number: number } } }) => ({
      kind: 'host.admit' as const,
      run: context.run.number,
      purpose: 'wake' as const,
    }),
  },
];

function endOfWait({ context, event }: Moment): string {
  if (event.type === 'automation.changed') return heldBackBy(context);
  return event.type === 'definition.changed' ? 'policy' : event.type;
}

/** Whatever ends the wait but the guest's waking is told as the end of that minute. */
const closeWake = chart.enqueueActions(({ context, event, enqueue }) => {
  enqueue.assign({ admission: null });
  if (['room.granted', 'restore', 'start'].includes(event.type)) return;
  enqueue.emit({ type: 'schedule.skipped', schedule: 'wake', cause: endOfWait({ context, event }) });
});

const noteWakeHeld = [
  chart.assign(({ context, event }) =>
    event.type !== 'room.held' || context.admission === null
      ? {}
      : { admission: { ...context.admission, reason: event.reason, retry_at: event.retry_at } },
  ),
  chart.emit(({ context }) => ({
    type: 'host.held' as const,
    run: context.run.number,
    purpose: 'wake' as const,
    reason: context.admission?.reason ?? ('memory' as const),
    retry_at: context.admission?.retry_at ?? 0,
  })),
];

const forWake = ({ event }: Moment): boolean =>
  (event.type === 'room.granted' || event.type === 'room.held') && event.purpose === 'wake';

/** A minute wakes it only where it is wanted up: whoever stopped it, or made it asleep, did not ask for that. */
const wakes = all(dueNow('wake'), wantsRunning, automatic);

/** The schedule wants it awake and the host is asked for room; the guest sleeps on meanwhile. */
const waking = {
  id: 'waking',
  initial: 'asking',
  exit: closeWake,
  on: {
    'room.granted': { guard: forWake, target: '#restoring', actions: beginRestore },
    'room.held': { guard: forWake, target: '#wake_held', actions: noteWakeHeld },
    'automation.changed': { guard: not(automatic), target: '#sleeping' },
    'definition.changed': { guard: unscheduled('wake'), target: '#sleeping' },
    standby: { target: '#sleeping', actions: noteCommand },
    // Held until it was time to sleep again.
    'schedule.due': [
      { guard: dueNow('standby'), target: '#sleeping', actions: noteMinute },
      skipped('wake', 'snapshot'),
    ],
  },
  states: {
    asking: {
      id: 'wake_asking',
      tags: ['waits' as const],
      entry: askWake,
      after: { wake_deadline: { target: '#wake_asking', reenter: true } },
      on: { 'vmm.found': { guard: all(ofNewestRun, foundAs('none', 'ended')), target: '#wake_asking', reenter: true } },
    },
    held: { id: 'wake_held', after: { wake_retry: { target: '#wake_asking' } } },
  },
} as const;

/** A copy of what it sleeps in is made under a name of its own. */
const copying = {
  id: 'copying',
  tags: ['waits' as const],
  entry: askCopy,
  exit: endCapture,
  after: { copy_deadline: { target: '#sleeping' } },
  on: {
    'effect.done': { guard: resultOf('snapshot.copy'), target: '#sleeping' },
    'effect.failed': { guard: resultOf('snapshot.copy'), target: '#sleeping' },
    'effect.unknown': { guard: resultOf('snapshot.copy'), target: '#sleeping' },
    'effect.withdrawn': { guard: resultOf('snapshot.copy'), target: '#sleeping' },
    'vmm.found': { guard: all(ofNewestRun, foundAs('none', 'ended')), target: '#sleeping' },
    create_snapshot: {},
    restore_snapshot: {},
    'schedule.due': skipped('snapshot'),
  },
} as const;

export const standby = {
  id: 'standby',
  initial: 'sleeping',
  tags: ['at_rest' as const],
  entry: noteAsleep,
  exit: sayWoken,
  on: {
    restore: { target: '#restoring', actions: [...intendQuietly('running'), ...beginRestore] },
    start: { target: '#restoring', actions: [...intend('running'), ...beginRestore] },
    standby: { actions: noteCommand },
    stop: { target: '#stopped', actions: [...intend('stopped'), dropSnapshot] },
    ignore: { actions: intend('ignore') },
    delete: { target: '#deleting', actions: intend('stopped') },
    create_snapshot: { guard: mayCreateSnapshot, target: '#copying', actions: [noteCommand, beginCapture] },
    delete_snapshot: onDeleteSnapshot,
    restore_snapshot: [
      {
        guard: all(knowsSnapshot, restoresAwake),
        target: '#reverting',
        actions: [...intend('running'), waiveRestart, beginReverting],
      },
      { guard: knowsSnapshot, target: '#reverting', actions: [noteCommand, beginReverting] },
    ],
    reset_restart: resetRestart,
    update: { guard: editsAllowed, actions: applyChanges },
    'schedule.due': [
      { guard: wakes, target: '#waking', actions: [noteMinute, openWake] },
      {
        guard: all(dueNow('snapshot'), automatic, inTime, roomForScheduled),
        target: '#copying',
        actions: [noteMinute, beginCapture],
      },
      // It sleeps already.
      { guard: dueNow('standby'), actions: noteMinute },
    ],
    'sleep.limit_reached': [
      { guard: limitIs('delete'), target: '#deleting' },
      { guard: limitIs('stop'), target: '#stopped', actions: dropSnapshot },
    ],
    'expiry.reached': [
      { guard: expiring('delete'), target: '#deleting' },
      { target: '#stopped', actions: dropSnapshot },
    ],
  },
  states: { sleeping: { id: 'sleeping' }, copying, waking },
} as const;
