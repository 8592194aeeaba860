import type { z } from 'zod';
import { type ErrorCode, StatevisorError } from '../../actors/errors.ts';

/** The code of a refusal is that of the policy its field belongs to. */
const CODES: ReadonlyMap<unknown, ErrorCode> = new Map([
  ['restart_policy', 'invalid_restart_policy'],
  ['health_check', 'invalid_health_check'],
  ['auto_standby', 'invalid_auto_standby'],
  ['schedules', 'invalid_schedules'],
  ['timeout', 'invalid_timeout'],
  ['wait', 'invalid_timeout'],
]);

/**
 * What the schema makes of the input, or a StatevisorError about the first field at fault: its message begins with the
 * dotted field and says what was expected there. Messages of schemas here are written to follow the field's name.
 */
export function checked<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const parsed = schema.safeParse(input, { error: expectation });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
  const field = path.map(String).join('.');
  const code = CODES.get(path[0]) ?? 'invalid_request';
  if (field === '') throw new StatevisorError(code, `The body ${issue.message}.`);
  throw new StatevisorError(code, `${field} ${issue.message}.`, { field });
}

function expectation(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${named(issue.expected)}`;
    case 'unrecognized_keys':
      return 'is not a field that is known here';
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `must be at least ${issue.minimum}${unit(issue.origin)}`;
    case 'too_big':
      return `must be at most ${issue.maximum}${unit(issue.origin)}`;
    default:
      return 'is not valid';
  }
}

const NAMED: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function named(expected: string): string {
  return NAMED[expected] ?? expected;
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters long';
  return origin === 'array' ? ' items long' : '';
}
