import { beginFollowingRun, beginRestore } from '../../actions.ts';
import { dropSnapshot, forgetStop, noteEnd } from '../../end-actions.ts';
import { all, nextIs, ofThisRun, saysEnded, saysFailure, unplanned } from '../../guards.ts';

/**
 * Where the confirmed end of a run leads, the same for every state that can see one. The order matters: what somebody
 * asked for comes first, then the difference between a failure and a clean end. Whoever is not asleep has no snapshot:
 * the guest has run on since it was taken.
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
    { guard: all(ended, nextIs('standby')), target: '#standby', actions: [...noteEnd, forgetStop] },
    { guard: all(ended, nextIs('wake')), target: '#restoring', actions: [...noteEnd, ...beginRestore] },
    { guard: all(ended, unplanned, saysFailure), target: '#failed', actions: [...noteEnd, dropSnapshot, forgetStop] },
    { guard: ended, target: '#stopped', actions: [...noteEnd, dropSnapshot, forgetStop] },
  ];
}
