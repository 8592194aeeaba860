import { z } from 'zod';
import { PUBLIC_STATES, type PublicState } from '../../../machines/public-states.ts';
import { StatevisorError } from '../../actors/errors.ts';
import { checked } from './checked.ts';
import { duration, instant } from './scalars.ts';

/** Requests about instances that exist, and what all requests have in common. */

/** Characters of an id, a name, or the beginning of an id. */
export const ID_MAX = 63;
/** The longest a caller may make a door wait; longer ones are cut to it. */
export const WAIT_MAX_MS = 300_000;
export const WAIT_DEFAULT_MS = 60_000;
const POSITION_MAX = 64;
export const LIST_LIMIT_DEFAULT = 100;
export const LIST_LIMIT_MAX = 500;

export const idField = z.string().min(1).max(ID_MAX);

/** `wait: 30s` on a command asks for its outcome; without it the answer comes at acceptance. */
export const waitFields = {
  wait: duration(null, { zero: true }).transform((ms) => (ms === null ? null : Math.min(ms, WAIT_MAX_MS))),
};

export const min_position = z.string().max(POSITION_MAX).optional();
export const count = (fallback: number, most: number) =>
  z.coerce.number().pipe(z.int().min(1).max(most)).default(fallback);

export const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')], {
  error: 'must be true or false',
});

export const plainRequest = z.strictObject({ id: idField, ...waitFields });
export const stopRequest = z.strictObject({ id: idField, force: flag.default(false), ...waitFields });
export const holdRequest = z.strictObject({
  id: idField,
  /** How long from now on; the policy's idle timeout when neither is given. */
  for: duration(undefined),
  until: instant.optional(),
  ...waitFields,
});
export const getRequest = z.strictObject({ id: idField, min_position });
export const listRequest = z.strictObject({
  limit: count(LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX),
  /** The id the page before ended with. */
  after: z.string().max(ID_MAX).default(''),
  state: z.enum(PUBLIC_STATES).optional(),
  /** Also how long each has been awake, and why. */
  wakefulness: flag.default(false),
  min_position,
});
export const timelineRequest = z.strictObject({ id: idField, min_position });
export const waitRequest = z.strictObject({
  id: idField,
  state: z.string(),
  timeout: duration(WAIT_DEFAULT_MS).transform((ms) => Math.min(ms, WAIT_MAX_MS)),
});

export function parsePlain(input: unknown): { id: string; waitMs: number | null } {
  const { id, wait } = checked(plainRequest, input);
  return { id, waitMs: wait };
}

/** A state that does not exist has a code of its own here, as clients of `wait` expect. */
export function parseWait(input: unknown): { id: string; state: PublicState; timeoutMs: number } {
  const { id, state, timeout } = checked(waitRequest, input);
  const known = PUBLIC_STATES.find((candidate) => candidate === state);
  if (known === undefined) {
    const message = `state must be one of ${PUBLIC_STATES.join(', ')}.`;
    throw new StatevisorError('invalid_state', message, { field: 'state', status: 400 });
  }
  return { id, state: known, timeoutMs: timeout };
}
