import { z } from 'zod';
import {
  EXIT_CODES_MAX,
  RESTART_BACKOFF_DEFAULT_MS,
  RESTART_DELAYS_MAX,
  RESTART_STABLE_AFTER_DEFAULT_MS,
  type RestartPolicy,
} from '../../../machines/policies.ts';
import { DURATION_WANTED, duration, isObject } from './scalars.ts';

/** More automatic restarts than this in one failure window mean no limit: say 0. */
export const RESTART_ATTEMPTS_MAX = 1_000_000;

const MODES = ['never', 'always', 'on_failure'] as const;
const EXIT_CODE_MAX = 255;
const EXIT_CODE_WANTED = `must be an exit code from 0 to ${EXIT_CODE_MAX}`;
const JITTER_WANTED = 'must be a number from 0 to 1';

const exitCodes = z
  .array(
    z
      .int({ error: EXIT_CODE_WANTED })
      .min(0, { error: EXIT_CODE_WANTED })
      .max(EXIT_CODE_MAX, { error: EXIT_CODE_WANTED }),
  )
  .max(EXIT_CODES_MAX)
  .default([])
  .transform((codes) => [...new Set(codes)].sort((a, b) => a - b));

/** Every end that a policy could be told twice about must be told once. */
const exitCodeRules = z.strictObject({ restart: exitCodes, never: exitCodes }).transform((given, context) => {
  const both = given.restart.find((code) => given.never.includes(code));
  if (both !== undefined) {
    context.addIssue({ code: 'custom', message: `names ${both}, which stands in never too`, path: ['restart'] });
    return z.NEVER;
  }
  const { restart, never } = given;
  if (restart.length === 0 && never.length === 0) return undefined;
  return { ...(restart.length === 0 ? {} : { restart }), ...(never.length === 0 ? {} : { never }) };
});

export const restartPolicyFields = z.strictObject({
  policy: z.enum(MODES).exclude(['never'], { error: `must be one of ${MODES.join(', ')}` }),
  backoff: duration(null),
  max_attempts: z.int().min(0).max(RESTART_ATTEMPTS_MAX).default(0),
  stable_after: duration(RESTART_STABLE_AFTER_DEFAULT_MS),
  /** The backoff doubles with each attempt, up to this. */
  backoff_max: duration(null),
  /** Part of each delay that may be taken off or added. */
  jitter: z
    .number({ error: JITTER_WANTED })
    .min(0, { error: JITTER_WANTED })
    .max(1, { error: JITTER_WANTED })
    .default(0),
  /** The delays one by one; the last one repeats. */
  delays: z
    .array(duration(null))
    .min(1, { error: 'must hold at least one duration' })
    .max(RESTART_DELAYS_MAX)
    .optional(),
  exit_codes: exitCodeRules.optional(),
  stability_period: duration(null),
});
type Fields = z.output<typeof restartPolicyFields>;

const strict = restartPolicyFields.transform((given, context): RestartPolicy => {
  const complaint = complaintAbout(given);
  if (complaint !== null) {
    context.addIssue({ code: 'custom', message: complaint.message, path: complaint.path });
    return z.NEVER;
  }
  const { policy, max_attempts, jitter, exit_codes, backoff_max, stability_period, delays } = given;
  return {
    policy,
    backoff_ms: given.backoff ?? RESTART_BACKOFF_DEFAULT_MS,
    max_attempts,
    stable_after_ms: given.stable_after,
    ...(backoff_max === null ? {} : { backoff_max_ms: backoff_max }),
    ...(jitter === 0 ? {} : { jitter }),
    ...(delays === undefined ? {} : { delays_ms: delays.filter((delay) => delay !== null) }),
    ...(exit_codes === undefined ? {} : { exit_codes }),
    ...(stability_period === null ? {} : { stability_period_ms: stability_period }),
  };
});

/** What cannot stand together: a list of delays is instead of a backoff, and a backoff grows, so it never shrinks. */
function complaintAbout(given: Fields): { message: string; path: (string | number)[] } | null {
  const { backoff, backoff_max, delays } = given;
  if (delays !== undefined) {
    if (backoff !== null) return { message: 'and backoff exclude each other; give one', path: ['delays'] };
    if (backoff_max !== null) return { message: 'and backoff_max exclude each other; give one', path: ['delays'] };
    const blank = delays.indexOf(null);
    if (blank >= 0) return { message: DURATION_WANTED, path: ['delays', blank] };
  }
  if (backoff_max !== null && backoff_max < (backoff ?? RESTART_BACKOFF_DEFAULT_MS)) {
    return { message: 'must not be shorter than backoff', path: ['backoff_max'] };
  }
  return null;
}

/** `never`, the empty text and an omitted mode are the absence of a policy, whatever stands beside them. */
function isNever(input: unknown): boolean {
  return isObject(input) && [undefined, '', 'never'].some((mode) => mode === input.policy);
}

export const restartPolicyRequest = z.preprocess((input) => (isNever(input) ? null : input), strict.nullable());
