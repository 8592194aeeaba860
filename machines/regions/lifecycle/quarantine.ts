import { beginRestore, beginRun, intend, noteModeQuietly, noteTrouble, withdrawEarlier } from '../../actions.ts';
import {
  beginStop,
  dropSnapshot,
  forgetStop,
  noteEndQuietly,
  startAfterwards,
  wakeAgainAfterwards,
} from '../../end-actions.ts';
import {
  all,
  beingDeleted,
  fallingAsleep,
  hasSnapshot,
  memoryIsGood,
  modeDiffers,
  neverRan,
  not,
  ofThisRun,
  runHasEnded,
  unplanned,
} from '../../guards.ts';
import { giveUpMinute } from '../../schedule-actions.ts';
import { chart } from '../../setup.ts';
import { neverTakenUp } from './ends.ts';
import { showFormerRun } from './refused-restore.ts';

/** A rule threw on this instance: show it, leave its VM alone, and stop everything automatic about it. */
export const chartActionsOfQuarantine = [
  noteTrouble,
  chart.emit(({ context }) => ({ type: 'instance.quarantined' as const, message: context.trouble?.message ?? '' })),
  giveUpMinute('quarantined'),
  chart.raise(({ event }) => ({ type: 'run.leaving' as const, at: event.at })),
  chart.raise(({ event }) => ({ type: 'standby.settled' as const, at: event.at })),
];

/** For the other regions every end in quarantine is one that was asked for. */
const sayEnded = chart.raise(({ event }) => ({
  type: 'run.ended' as const,
  at: event.at,
  planned: true,
  failed: false,
  reason: 'unknown' as const,
  code: null,
  next: 'rest' as const,
}));

const mayStart = not(beingDeleted);

/** Only a command leads out; it goes on from what is known of the run. An end is noted and nothing follows from it. */
export const quarantined = {
  id: 'quarantined',
  tags: ['has_run' as const],
  on: {
    'instance.quarantined': {},
    // Whoever leads it out finds the host as it is; nothing follows from it here.
    'host.mode_changed': { guard: modeDiffers, actions: noteModeQuietly },
    'schedule.due': {},
    'vmm.exited': [
      { guard: all(ofThisRun, fallingAsleep), actions: [...noteEndQuietly, sayEnded] },
      { guard: all(ofThisRun, unplanned, neverTakenUp), actions: [...noteEndQuietly, showFormerRun, sayEnded] },
      // A snapshot of a guest that was not put away is not what it ended as.
      { guard: ofThisRun, actions: [...noteEndQuietly, dropSnapshot, sayEnded] },
    ],
    start: [
      {
        guard: all(mayStart, runHasEnded, hasSnapshot),
        target: '#restoring',
        actions: [...intend('running'), ...beginRestore],
      },
      {
        guard: all(mayStart, neverRan),
        target: '#preparing',
        actions: [...intend('running'), withdrawEarlier],
      },
      { guard: all(mayStart, runHasEnded), target: '#booting', actions: [...intend('running'), ...beginRun('start')] },
      // Its memory is on disk, or still good: it is not given up for want of a word about its VMM.
      { guard: fallingAsleep, target: '#lost', actions: [...startAfterwards, noteTrouble] },
      {
        guard: all(mayStart, memoryIsGood),
        target: '#lost',
        actions: [...intend('running'), noteTrouble, wakeAgainAfterwards],
      },
      { guard: mayStart, target: '#lost', actions: [...intend('running'), noteTrouble, forgetStop] },
    ],
    stop: [
      { guard: all(runHasEnded, beingDeleted), target: '#deleting', actions: intend('stopped') },
      { guard: beingDeleted, target: '#killing', actions: intend('stopped') },
      { guard: runHasEnded, target: '#stopped', actions: [...intend('stopped'), dropSnapshot, forgetStop] },
      { target: '#killing', actions: [...intend('stopped'), ...beginStop('operator', 'rest')] },
    ],
    ignore: { guard: mayStart, actions: intend('ignore') },
    delete: [
      { guard: runHasEnded, target: '#deleting', actions: intend('stopped') },
      { target: '#killing', actions: [...intend('stopped'), ...beginStop('delete', 'delete')] },
    ],
  },
};
