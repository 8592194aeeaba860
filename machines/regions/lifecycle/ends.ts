import { beginFollowingRun, beginRestore, noteTrouble } from '../../actions.ts';
import { dropSnapshot, forgetStop, noteEnd } from '../../end-actions.ts';
import {
  all,
  endIn,
  hasSnapshot,
  nextIs,
  notBooted,
  ofThisRun,
  saysEnded,
  saysFailure,
  unplanned,
} from '../../guards.ts';
import { chart, type Moment } from '../../setup.ts';

/** A restore that certainly did not happen leaves the snapshot as it was; nothing automatic follows. */
export const backToSleep = [
  noteTrouble,
  chart.assign({ stop: { cause: 'standby' as const, next: 'standby' as const, force: false } }),
  ...noteEnd,
  forgetStop,
];

/** The VMM ended before its guest was let go. */
const endedUnborn = ({ event }: Moment): boolean => ['boot_failed', 'withdrawn'].includes(endIn(event)?.reason ?? '');
export const neverLetGo = (moment: Moment): boolean => ofThisRun(moment) && endedUnborn(moment);

const isTraceless = ({ event }: Moment): boolean => event.type === 'vmm.found' && event.found.reality === 'none';

/** It was to be taken up from its snapshot, nobody is known to have let it go, and now there is no VMM nor ever was one. */
const neverTakenUp = all(
  ({ context }) => context.run.cause === 'restore',
  notBooted,
  hasSnapshot,
  (moment) => endedUnborn(moment) || isTraceless(moment),
);

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
    { guard: all(ended, nextIs('standby')), target: '#standby', actions: [...noteEnd, forgetStop] },
    { guard: all(ended, nextIs('wake')), target: '#restoring', actions: [...noteEnd, ...beginRestore] },
    { guard: all(ended, unplanned, neverTakenUp), target: '#standby', actions: backToSleep },
    { guard: all(ended, unplanned, saysFailure), target: '#failed', actions: [...noteEnd, dropSnapshot, forgetStop] },
    { guard: ended, target: '#stopped', actions: [...noteEnd, dropSnapshot, forgetStop] },
  ];
}
