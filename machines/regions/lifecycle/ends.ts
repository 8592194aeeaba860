import { beginFollowingRun, beginRestore, clearTrouble, noteTrouble, sayLost } from '../../actions.ts';
import { dropSnapshot, forgetStop, noteEnd } from '../../end-actions.ts';
import {
  all,
  endIn,
  memoryIsGood,
  nextIs,
  ofThisRun,
  saysEnded,
  saysFailure,
  unplanned,
  wakesAgain,
} from '../../guards.ts';
import type { Moment } from '../../setup.ts';
import { backToSleep } from './refused-restore.ts';

/** Nobody can tell whether the run goes on or has ended. */
export const goLost = { target: '#lost', actions: [noteTrouble, sayLost] };

/** The VMM ended before its guest was let go. */
const endedUnborn = ({ event }: Moment): boolean => ['boot_failed', 'withdrawn'].includes(endIn(event)?.reason ?? '');
export const neverLetGo = (moment: Moment): boolean => ofThisRun(moment) && endedUnborn(moment);

const isTraceless = ({ event }: Moment): boolean => event.type === 'vmm.found' && event.found.reality === 'none';

/** It was to be taken up from its snapshot, nobody is known to have let it go, and now there is no VMM nor ever was one. */
export const neverTakenUp = all(memoryIsGood, (moment) => endedUnborn(moment) || isTraceless(moment));

/**
 * Where the confirmed end of a run leads, the same for every state that can see one. The order matters: what somebody
 * asked for comes first, then a restore that never was, then the difference between a failure and a clean end. Whoever is
 * not asleep has no snapshot: the guest has run on since it was taken.
 */
export function onEnd(fence = ofThisRun) {
  const ended = all(fence, saysEnded);
  return [
    { guard: all(ended, nextIs('delete')), target: '#deleting', actions: [...noteEnd, forgetStop] },
    {
      guard: all(ended, nextIs('boot')),
      target: '#booting',
      actions: [...noteEnd, dropSnapshot, ...beginFollowingRun],
    },
    { guard: all(ended, nextIs('standby')), target: '#standby', actions: [...noteEnd, forgetStop, clearTrouble] },
    { guard: all(ended, wakesAgain, neverTakenUp), target: '#restoring', actions: [...backToSleep, ...beginRestore] },
    // Somebody had let it go after all, and its guest has run on: what was saved of it is of the past.
    {
      guard: all(ended, wakesAgain),
      target: '#booting',
      actions: [...noteEnd, dropSnapshot, ...beginFollowingRun],
    },
    { guard: all(ended, nextIs('wake')), target: '#restoring', actions: [...noteEnd, ...beginRestore] },
    { guard: all(ended, unplanned, neverTakenUp), target: '#standby', actions: backToSleep },
    { guard: all(ended, unplanned, saysFailure), target: '#failed', actions: [...noteEnd, dropSnapshot, forgetStop] },
    { guard: ended, target: '#stopped', actions: [...noteEnd, dropSnapshot, forgetStop] },
  ];
}
