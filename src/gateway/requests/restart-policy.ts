import { z } from 'zod';
import { RESTART_BACKOFF_DEFAULT_MS, RESTART_STABLE_AFTER_DEFAULT_MS } from '../../../machines/policies.ts';
import { duration, isObject } from './scalars.ts';

/** More automatic restarts than this in one failure window mean no limit: say 0. */
export const RESTART_ATTEMPTS_MAX = 1_000_000;

const MODES = ['never', 'always', 'on_failure'] as const;

const strict = z
  .strictObject({
    policy: z.enum(MODES).exclude(['never'], { error: `must be one of ${MODES.join(', ')}` }),
    backoff: duration(RESTART_BACKOFF_DEFAULT_MS),
    max_attempts: z.int().min(0).max(RESTART_ATTEMPTS_MAX).default(0),
    stable_after: duration(RESTART_STABLE_AFTER_DEFAULT_MS),
  })
  .transform(({ policy, backoff, max_attempts, stable_after }) => ({
    policy,
    backoff_ms: backoff,
    max_attempts,
    stable_after_ms: stable_after,
  }));

/** `never`, the empty text and an omitted mode are the absence of a policy, whatever stands beside them. */
function isNever(input: unknown): boolean {
  return isObject(input) && [undefined, '', 'never'].some((mode) => mode === input.policy);
}

export const restartPolicyRequest = z.preprocess((input) => (isNever(input) ? null : input), strict.nullable());
