import { StatevisorError } from '../../actors/errors.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import type { Reply, Verb } from '../use-cases/contract.ts';

/** How hypeman's paths answer: with the outcome, within the time that its client waits. */

/** Shorter than the minute after which that client gives up. */
export const COMPATIBLE_WAIT_MS = 45_000;

const WAIT_REFUSED = 'wait is not a field that is known here; this path always waits.';

/** The input of a path that waits whatever its caller says. */
export function settledInput(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (Object.hasOwn(given, 'wait')) throw new StatevisorError('invalid_request', WAIT_REFUSED, { field: 'wait' });
  return given;
}

/** A command whose time ran out is still under way, and its answer shows how far it has come. */
export function requireReached(verb: Verb, reply: Reply): Reply {
  if (reply.outcome !== 'missed') return reply;
  const { state, phase, state_error } = reply.body as InstanceView;
  const because = state_error === null ? '' : `: ${state_error.replace(/\.$/, '')}`;
  throw new StatevisorError('not_reached', `After ${verb} the instance is ${state}${because}.`, {
    details: { state, phase, state_error },
  });
}
