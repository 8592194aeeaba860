import { ask, beginFollowingRun, forgetStop, noteEnd } from '../../actions.ts';
import { all, nextIs, ofThisRun, saysEnded, saysFailure, unplanned } from '../../guards.ts';

/**
 * Where the confirmed end of a run leads, the same for every state that can see one. The order matters: what somebody
 * asked for comes first, then the difference between a failure and a clean end.
 */
export function onEnd(fence = ofThisRun) {
  const ended = all(fence, saysEnded);
  return [
    { guard: all(ended, nextIs('delete')), target: '#deleting', actions: [...noteEnd, forgetStop] },
    { guard: all(ended, nextIs('boot')), target: '#booting', actions: [...noteEnd, ...beginFollowingRun] },
    { guard: all(ended, nextIs('standby')), target: '#standby', actions: [...noteEnd, forgetStop] },
    { guard: all(ended, unplanned, saysFailure), target: '#failed', actions: [...noteEnd, forgetStop] },
    { guard: ended, target: '#stopped', actions: [...noteEnd, forgetStop] },
  ];
}

/** An operation that answered `unknown` did or did not happen: look, never guess. */
export const askReality = ask('vmm.inspect');
