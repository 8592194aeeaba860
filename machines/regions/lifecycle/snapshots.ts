import {
  ask,
  beginRestore,
  intend,
  intendQuietly,
  noteCommand,
  notePrepareFailed,
  noteTrouble,
  sayPrepared,
} from '../../actions.ts';
import { applyChanges } from '../../definition-actions.ts';
import { FORKED_SNAPSHOT } from '../../effects.ts';
import { dropSnapshot } from '../../end-actions.ts';
import {
  all,
  editsAllowed,
  expiring,
  foundAs,
  hasSnapshot,
  mayBoot,
  ofNewestRun,
  ofThisRun,
  resultOf,
} from '../../guards.ts';
import { chart, type Moment } from '../../setup.ts';
import {
  askCapture,
  askReverting,
  endCapture,
  endReverting,
  onDeleteSnapshot,
  thenIs,
} from '../../snapshot-actions.ts';
import { goLost, onEnd } from './ends.ts';
import { deletePaused, expirePaused, placeHold, stopPaused } from './falling-asleep.ts';
import { resetRestart, waiveRestart } from './restart-commands.ts';

/** Named snapshots and forks. They are asked for by people or a schedule, so no traffic ends them. */

const resume = { target: '#resuming', actions: noteTrouble };

/** A running guest is paused for as long as it takes, and runs on whatever comes of it. */
export const capturing = {
  id: 'capturing',
  initial: 'freezing',
  tags: ['has_run' as const, 'waits' as const],
  entry: ask('vmm.pause'),
  exit: endCapture,
  after: { capture_deadline: resume },
  on: {
    stop: stopPaused,
    delete: deletePaused,
    'expiry.reached': expirePaused,
    start: { actions: intend('running') },
    ignore: { actions: intend('ignore') },
    hold: { actions: placeHold },
    delete_snapshot: onDeleteSnapshot,
    reset_restart: resetRestart,
    update: { guard: editsAllowed, actions: applyChanges },
    'vmm.exited': onEnd(),
    'effect.failed': { guard: resultOf('vmm.pause', 'vmm.snapshot'), ...resume },
    'effect.unknown': { guard: resultOf('vmm.pause', 'vmm.snapshot'), ...resume },
    'vmm.found': [
      { guard: all(ofThisRun, foundAs('starting', 'running', 'paused')), target: '#resuming' },
      { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), ...goLost },
      ...onEnd(),
    ],
  },
  states: {
    freezing: { on: { 'effect.done': { guard: resultOf('vmm.pause'), target: 'saving' } } },
    saving: {
      entry: askCapture,
      on: { 'effect.done': { guard: resultOf('vmm.snapshot'), target: '#resuming' } },
    },
  },
};

const notReverted = (guard: (moment: Moment) => boolean) => [
  { guard: all(guard, hasSnapshot), target: '#standby', actions: noteTrouble },
  { guard, target: '#failed', actions: noteTrouble },
];
const reverted = resultOf('snapshot.copy');

const wantThen = (then: 'running' | 'standby') =>
  chart.assign(({ context }) => ({
    snapshot_work: context.snapshot_work === null ? null : { ...context.snapshot_work, then },
  }));

/** No VMM lives: a copy of a named snapshot becomes what the guest sleeps in, and the named one stays as it is. */
export const reverting = {
  id: 'reverting',
  tags: ['waits' as const],
  entry: askReverting,
  exit: endReverting,
  after: { revert_deadline: notReverted(() => true) },
  on: {
    'effect.done': [
      {
        guard: all(reverted, thenIs('running')),
        target: '#restoring',
        actions: beginRestore,
      },
      { guard: reverted, target: '#standby' },
    ],
    'effect.failed': notReverted(reverted),
    'effect.unknown': notReverted(reverted),
    'effect.withdrawn': notReverted(reverted),
    // The copy that was under way is nobody's; it is made again.
    'vmm.found': { guard: all(ofNewestRun, foundAs('none', 'ended')), actions: askReverting },
    start: { actions: [...intend('running'), waiveRestart, wantThen('running')] },
    restore: { actions: [...intendQuietly('running'), wantThen('running')] },
    standby: { actions: [noteCommand, wantThen('standby')] },
    stop: { target: '#stopped', actions: [...intend('stopped'), dropSnapshot] },
    ignore: { actions: [...intend('ignore'), waiveRestart, wantThen('standby')] },
    delete: { target: '#deleting', actions: intend('stopped') },
    reset_restart: resetRestart,
    update: { guard: editsAllowed, actions: applyChanges },
    'expiry.reached': [
      { guard: expiring('delete'), target: '#deleting' },
      { target: '#stopped', actions: dropSnapshot },
    ],
  },
};

const forked = resultOf('snapshot.fork');

/** What the fork sleeps in from its first day. */
const takeForked = [
  chart.assign(({ event }) => ({ snapshot: { name: FORKED_SNAPSHOT, run: 0, taken_at: event.at } })),
  sayPrepared,
];

const notForked = {
  guard: forked,
  target: '#failed',
  actions: notePrepareFailed,
};

/** Whatever ends the copying but its success: what may lie there half-copied goes. */
const endForking = chart.enqueueActions(({ event, enqueue }) => {
  if (event.type === 'effect.done') return;
  if (!('effect' in event)) enqueue({ type: 'ask', params: { kind: 'effect.withdraw', run: 0 } });
  enqueue({ type: 'ask', params: { kind: 'snapshot.drop', run: 0, snapshot: FORKED_SNAPSHOT } });
});

/**
 * A new instance takes its copy of another's snapshot; then it wakes from it, or sleeps in it. Whoever stops it meanwhile
 * does without that memory, as after a stop of one that sleeps.
 */
export const forking = {
  id: 'forking',
  tags: ['waits' as const],
  entry: {
    type: 'ask' as const,
    params: ({ context }: Moment) => ({
      kind: 'snapshot.fork' as const,
      run: 0 as const,
      source: context.origin?.instance ?? '',
      snapshot: context.origin?.snapshot ?? '',
      as: FORKED_SNAPSHOT,
    }),
  },
  exit: endForking,
  after: { fork_deadline: { target: '#failed', actions: noteTrouble } },
  on: {
    'effect.done': [
      {
        guard: all(forked, mayBoot),
        target: '#restoring',
        actions: [...takeForked, ...beginRestore],
      },
      { guard: forked, target: '#standby', actions: takeForked },
    ],
    'effect.failed': notForked,
    'effect.unknown': notForked,
    'effect.withdrawn': { guard: forked, target: '#failed', actions: noteTrouble },
    'vmm.found': { guard: all(ofNewestRun, foundAs('none')), target: '#forking', reenter: true },
    start: { actions: intend('running') },
    restart: { actions: intend('running') },
    stop: { target: '#stopped', actions: [...intend('stopped'), sayPrepared] },
    ignore: { actions: intend('ignore') },
    delete: { target: '#deleting', actions: intend('stopped') },
    update: { guard: editsAllowed, actions: applyChanges },
    'expiry.reached': [
      { guard: expiring('delete'), target: '#deleting' },
      { target: '#stopped', actions: sayPrepared },
    ],
  },
};
