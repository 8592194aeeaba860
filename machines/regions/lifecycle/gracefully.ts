import { all, hasStopHook } from '../../guards.ts';
import type { Moment } from '../../setup.ts';

/** The two ways into a stop that asks the guest: through the program that the definition names, or at once. */
export function gracefully<const A>(actions: A, guard: (moment: Moment) => boolean = () => true) {
  return [
    { guard: all(guard, hasStopHook), target: '#before_stop', actions },
    { guard, target: '#graceful', actions },
  ] as const;
}
