import type { StopContext } from './context.ts';
import type { OneShotKind } from './effects.ts';
import type { RunEnd } from './events.ts';
import { automationAllowed, endedInFailure, isExpired } from './rules.ts';
import type { ChartEvent, Moment } from './setup.ts';

/** Guards of the lifecycle region: fences by run and effect, and what an event says about the world. */

export type Guard = (moment: Moment) => boolean;

/** The event speaks of the present run and that run is not known to have ended. */
export const ofThisRun: Guard = ({ context, event }) =>
  'run' in event && event.run === context.run.number && !context.run.ended;

/** The same for an instance without a living run: before the first one, or on the way out. */
export const ofNewestRun: Guard = ({ context, event }) => 'run' in event && event.run === context.run.number;

/** The result belongs to the present run (0 for effects on the instance itself) and to this kind of effect. */
export const resultOf =
  (...kinds: OneShotKind[]): Guard =>
  ({ context, event }) =>
    'kind' in event &&
    kinds.some((kind) => kind === event.kind) &&
    (event.run === context.run.number || event.kind === 'instance.prepare' || event.kind === 'instance.remove');

/** The word of the program that runs now, not of one that was cut short before it and ends late. */
export const resultOfHook: Guard = ({ context, event }) =>
  resultOf('hook.run')({ context, event }) && 'number' in event && event.number === context.hook.number;

export const all =
  (...guards: Guard[]): Guard =>
  (moment) =>
    guards.every((guard) => guard(moment));

export const not =
  (guard: Guard): Guard =>
  (moment) =>
    !guard(moment);

/** How the run ended according to this event, or null when the event does not say that it ended. */
export function endIn(event: ChartEvent): RunEnd | null {
  switch (event.type) {
    case 'vmm.exited':
      return { reason: event.reason, code: event.code, message: event.message, ended_at: event.ended_at };
    case 'vmm.found':
      return endFound(event);
    case 'effect.done':
      return event.ended ?? null;
    case 'effect.failed':
      return event.ended ?? { reason: 'boot_failed', code: null, message: event.error.message, ended_at: event.at };
    case 'effect.withdrawn':
      return { reason: 'withdrawn', code: null, message: null, ended_at: event.at };
    default:
      return null;
  }
}

function endFound(event: Extract<ChartEvent, { type: 'vmm.found' }>): RunEnd | null {
  const { found } = event;
  if (found.reality === 'none')
    return { reason: 'unknown', code: null, message: 'no trace of the run', ended_at: null };
  if (found.reality !== 'ended') return null;
  return { reason: found.reason, code: found.code, message: found.message, ended_at: found.ended_at };
}

export const saysEnded: Guard = ({ event }) => endIn(event) !== null;

export const saysFailure: Guard = ({ event }) => {
  const end = endIn(event);
  return end !== null && endedInFailure(end);
};

export const nextIs =
  (next: StopContext['next']): Guard =>
  ({ context }) =>
    context.stop?.next === next;

/** Nobody asked for this end, or only a guest that does not come up did. */
export const unplanned: Guard = ({ context }) => {
  const cause = context.stop?.cause ?? null;
  return cause === null || cause === 'boot_timeout' || cause === 'unanswered';
};

/** Nothing automatic is held back. */
export const automatic: Guard = ({ context }) => automationAllowed(context);

/** All hands off: somebody is looking at it. */
export const ignored: Guard = ({ context }) => context.intent.wanted === 'ignore';

export const modeDiffers: Guard = ({ context, event }) =>
  event.type === 'host.mode_changed' && event.mode !== context.host.mode;

/** A host was asked for room and has not answered. */
export const awaitsHost: Guard = ({ context }) => context.admission !== null && context.admission.reason === null;

/** Or for a turn to be put away, or the table was being read for that. */
export const awaitsTurn: Guard = ({ context: { standby } }) =>
  standby.request !== null && (standby.slot === null || standby.slot.reason === null);

/** A stop begins with a program of the host, unless it may not wait. */
export const hasStopHook: Guard = ({ context, event }) =>
  context.definition?.hooks?.before_stop !== undefined && !(event.type === 'stop' && event.force === true);

export const hasStandbyHook: Guard = ({ context }) => context.definition?.hooks?.before_standby !== undefined;

/** An automatic start or restart is owed and has not begun: it waits for its delay, its gate or the host. */
export const restartPending: Guard = ({ context }) =>
  context.restart.next_attempt_at !== null || (context.admission !== null && context.admission.purpose !== 'wake');

export const mayBoot: Guard = ({ context, event }) =>
  context.intent.wanted === 'running' && !isExpired(context, event.at);

/** A fork of a guest, and not only of what was asked for of one: it begins with memory. */
export const takesMemory: Guard = ({ context: { origin } }) => origin !== null && origin.snapshot !== null;

/** A snapshot is brought back for the guest to run, and not to sleep in it. */
export const restoresAwake: Guard = ({ event }) => event.type === 'restore_snapshot' && event.then === 'running';

export const wantsRunning: Guard = ({ context }) => context.intent.wanted === 'running';

export const forced: Guard = ({ context, event }) =>
  (event.type === 'stop' && event.force === true) || context.stop?.force === true;

/** Deletion is terminal, whoever asked for it: no later command turns it into something else. */
export const beingDeleted: Guard = nextIs('delete');

/** The guest's memory is on disk and its VMM is being ended: a boot now would throw that memory away. */
export const fallingAsleep: Guard = ({ context }) => context.stop?.cause === 'standby';

/** It is being taken up from its snapshot, and nobody is known to have let it go: that memory is still good. */
export const memoryIsGood: Guard = ({ context: { run, snapshot } }) =>
  run.cause === 'restore' && !run.ended && run.booted_at === null && snapshot !== null;

/** Its restore is being undone, and it is to be taken up again. */
export const wakesAgain: Guard = (moment) => nextIs('wake')(moment) && !fallingAsleep(moment);

/** Nobody has ended it for good: whoever wants it up gets it back with its memory, and not without. */
export const mayWakeAgain: Guard = (moment) => memoryIsGood(moment) && (unplanned(moment) || wakesAgain(moment));

/** The guest of this run has said that it is ready, perhaps before the spawn had reported back. */
export const readyEarly: Guard = ({ context }) => context.run.ready_at !== null;

export const notBooted: Guard = ({ context }) => context.run.booted_at === null;

export const expiring =
  (then: 'stop' | 'delete'): Guard =>
  ({ event }) =>
    event.type === 'expiry.reached' && event.then === then;

export const runHasEnded: Guard = ({ context }) => context.run.ended;

export const neverRan: Guard = ({ context }) => context.run.number === 0;

export const hasSnapshot: Guard = ({ context }) => context.snapshot !== null;

export const foundAs =
  (...realities: string[]): Guard =>
  ({ event }) =>
    event.type === 'vmm.found' && realities.includes(event.found.reality);

export const foundReady: Guard = ({ event }) =>
  event.type === 'vmm.found' && event.found.reality === 'running' && event.found.ready;

/** The guest rebooted while nobody watched; the run goes on. */
export const foundRebooted: Guard = ({ event }) =>
  event.type === 'vmm.found' && event.found.reality === 'running' && event.found.rebooted === true;

/**
 * An expiry that has been reached cannot be edited any more; everything else can. While automation is held back nothing
 * has come of an expiry that has passed, so it can still be moved.
 */
export const editsAllowed: Guard = ({ context, event }) =>
  event.type !== 'update' ||
  event.changes.expiry === undefined ||
  !isExpired(context, event.at) ||
  !automationAllowed(context);
