import { z } from 'zod';
import type { Changes } from '../../../machines/definition.ts';
import { StatevisorError } from '../../actors/errors.ts';
import { autoStandbyRequest } from './auto-standby.ts';
import { checked } from './checked.ts';
import { expiryFields, expiryOf } from './expiry.ts';
import { healthCheckRequest } from './health-check.ts';
import { hooksRequest } from './hooks.ts';
import { restartPolicyRequest } from './restart-policy.ts';
import { isObject } from './scalars.ts';
import { schedulesRequest } from './schedules.ts';
import { idField, waitFields } from './target.ts';

/** What an update may say. */
export const UPDATABLE_FIELDS = [
  'restart_policy',
  'health_check',
  'auto_standby',
  'schedules',
  'ttl',
  'expires_at',
  'on_expiry',
  'hooks',
] as const;

export const updateRequest = z.strictObject({
  id: idField,
  restart_policy: restartPolicyRequest.optional(),
  health_check: healthCheckRequest.optional(),
  auto_standby: autoStandbyRequest.optional(),
  schedules: schedulesRequest.optional(),
  hooks: hooksRequest.optional(),
  ...expiryFields,
  ...waitFields,
});

export interface UpdateRequest {
  readonly id: string;
  readonly changes: Changes;
  readonly waitMs: number | null;
}

/** An absent field stays as it is; a given policy replaces the old one whole. Null removes. */
export function parseUpdate(input: unknown, now: number): UpdateRequest {
  requireSomething(input);
  const given = checked(updateRequest, input);
  const expiry = expiryOf(given, now);
  const { restart_policy, health_check, auto_standby, schedules, hooks } = given;
  const changes: Changes = {
    ...(restart_policy === undefined ? {} : { restart_policy }),
    ...(health_check === undefined ? {} : { health_check }),
    ...(auto_standby === undefined ? {} : { auto_standby }),
    ...(schedules === undefined ? {} : { schedules }),
    ...(expiry === undefined ? {} : { expiry }),
    ...(hooks === undefined ? {} : { hooks }),
  };
  return { id: given.id, changes, waitMs: given.wait };
}

function requireSomething(input: unknown): void {
  if (!isObject(input)) return;
  if (UPDATABLE_FIELDS.some((field) => input[field] !== undefined)) return;
  const unknown = Object.keys(input).find((field) => field !== 'id' && field !== 'wait');
  const message = `The body must change at least one of ${UPDATABLE_FIELDS.join(', ')}.`;
  throw new StatevisorError('invalid_request', message, unknown === undefined ? {} : { field: unknown });
}
