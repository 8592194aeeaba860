import type { HookMoment } from '../../../machines/definition.ts';
import type { EffectControl, Outcome } from './hypervisor.ts';

/** One program of the host that is run for an instance at one moment of its life. */
export interface HookCall {
  readonly instance: string;
  /** Name of the instance. */
  readonly name: string;
  readonly run: number;
  /** Name under which the host is configured with the program. */
  readonly hook: string;
  readonly moment: HookMoment;
}

/**
 * Runs what the host is configured with. Promises every implementation keeps: one call runs the program at most once;
 * right before it is started, in the same tick, it asks `control.stillWanted()` and otherwise answers `withdrawn`; it
 * settles soon after `control.signal` fires, with `withdrawn` when nothing was started and `unknown` when it was.
 * `done`: the program ended with 0. `failed`: it ended otherwise, or certainly was not run (code `hook_unknown` for a
 * name the host is not configured with). `unknown`: nobody can say. Messages are safe to show. The time limit is the
 * caller's: a call that takes too long is withdrawn.
 */
export interface Hooks {
  run(call: HookCall, control: EffectControl): Promise<Outcome>;
}
