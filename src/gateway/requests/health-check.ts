import { z } from 'zod';
import type { HealthCheck } from '../../../machines/policies.ts';
import { StatevisorError } from '../../actors/errors.ts';
import { duration, isObject, port } from './scalars.ts';

export const HEALTH_INTERVAL_DEFAULT_MS = 10_000;
/** Or the interval, when that is shorter. */
export const HEALTH_TIMEOUT_DEFAULT_MS = 2_000;
export const HEALTH_START_PERIOD_DEFAULT_MS = 30_000;
export const FAILURE_THRESHOLD_DEFAULT = 3;
export const SUCCESS_THRESHOLD_DEFAULT = 1;
export const THRESHOLD_MAX = 1_000;
const HTTP_PATH_MAX = 2_048;
const EXPECTED_STATUS_DEFAULT = 200;
export const EXEC_COMMAND_ITEMS_MAX = 64;
const EXEC_TEXT_MAX = 4_096;

const KINDS = ['http', 'tcp', 'exec'] as const;
type Kind = (typeof KINDS)[number];

/** A whole number for which 0 means the default. */
const zeroIsDefault = (fallback: number) => (value: number) => (value === 0 ? fallback : value);
const threshold = (fallback: number) =>
  z.int().min(0).max(THRESHOLD_MAX).default(fallback).transform(zeroIsDefault(fallback));

const httpTarget = z
  .strictObject({
    port,
    path: z.string().max(HTTP_PATH_MAX).startsWith('/', { error: 'must begin with /' }).default('/'),
    scheme: z.enum(['http', 'https']).default('http'),
    expected_status: z
      .int()
      .default(EXPECTED_STATUS_DEFAULT)
      .transform(zeroIsDefault(EXPECTED_STATUS_DEFAULT))
      .refine((status) => status >= 100 && status <= 599, { error: 'must be from 100 to 599' }),
    /** False also trusts a certificate that nobody vouches for. */
    tls_verify: z.boolean().default(true),
  })
  .transform(({ tls_verify, ...target }, context) => {
    if (tls_verify) return target;
    if (target.scheme === 'https') return { ...target, tls_verify };
    context.addIssue({ code: 'custom', message: 'needs scheme https', path: ['tls_verify'] });
    return z.NEVER;
  });

const execTarget = z.strictObject({
  command: z
    .array(z.string().max(EXEC_TEXT_MAX))
    .min(1, { error: 'must hold at least one item' })
    .max(EXEC_COMMAND_ITEMS_MAX),
  working_dir: z.string().max(EXEC_TEXT_MAX).optional(),
});

export const healthCheckFields = z.strictObject({
  type: z.enum(['none', ...KINDS]).optional(),
  http: httpTarget.optional(),
  tcp: z.strictObject({ port }).optional(),
  exec: execTarget.optional(),
  interval: duration(HEALTH_INTERVAL_DEFAULT_MS),
  timeout: duration(null),
  start_period: duration(HEALTH_START_PERIOD_DEFAULT_MS, { zero: true }),
  failure_threshold: threshold(FAILURE_THRESHOLD_DEFAULT),
  success_threshold: threshold(SUCCESS_THRESHOLD_DEFAULT),
});
type Fields = z.infer<typeof healthCheckFields>;

const strict = healthCheckFields.transform((given, context): HealthCheck => {
  const refuse = (message: string, path: string[] = []): never => {
    context.addIssue({ code: 'custom', message, path });
    return z.NEVER;
  };
  const kind = kindOf(given);
  if ('refusal' in kind) return refuse(kind.refusal, kind.path);
  const timeout = given.timeout ?? Math.min(HEALTH_TIMEOUT_DEFAULT_MS, given.interval);
  if (timeout > given.interval) return refuse('must not be longer than interval', ['timeout']);
  return {
    target: targetOf(kind.kind, given),
    interval_ms: given.interval,
    timeout_ms: timeout,
    start_period_ms: given.start_period,
    failure_threshold: given.failure_threshold,
    success_threshold: given.success_threshold,
  };
});

/** The type that was named, or the one whose object is there. */
function kindOf(given: Fields): { kind: Kind } | { refusal: string; path: string[] } {
  const present = KINDS.filter((kind) => given[kind] !== undefined);
  const named = given.type === 'none' ? undefined : given.type;
  if (named === undefined) {
    if (present.length === 1) return { kind: present[0]! };
    return { refusal: `must include exactly one of ${KINDS.join(', ')}`, path: [] };
  }
  const foreign = KINDS.filter((kind) => kind !== named);
  if (present.some((kind) => kind !== named)) {
    return { refusal: `with type ${named} cannot include ${foreign.join(' or ')}`, path: [] };
  }
  if (present.length === 0) return { refusal: `is required when type is ${named}`, path: [named] };
  return { kind: named };
}

function targetOf(kind: Kind, given: Fields): HealthCheck['target'] {
  switch (kind) {
    case 'http':
      return { type: 'http', ...given.http! };
    case 'tcp':
      return { type: 'tcp', ...given.tcp! };
    case 'exec':
      return { type: 'exec', ...given.exec! };
  }
}

/** `type: none` and an object that names no target are the absence of a check; nothing else of them is looked at. */
function isNone(input: unknown): boolean {
  if (!isObject(input)) return false;
  return input.type === 'none' || (input.type === undefined && KINDS.every((kind) => input[kind] === undefined));
}

/** A check that goes through the network needs one, and one that runs a program in the guest needs an agent there. */
export function requireWayIn(
  check: HealthCheck | null | undefined,
  guest: { readonly network: { readonly enabled: boolean }; readonly skip_guest_agent?: boolean | undefined },
): void {
  if (check === null || check === undefined) return;
  const { type } = check.target;
  if (type === 'exec' ? guest.skip_guest_agent !== true : guest.network.enabled) return;
  const needed = type === 'exec' ? 'skip_guest_agent to be false' : 'network.enabled to be true';
  throw new StatevisorError('invalid_request', `health_check of type ${type} needs ${needed}.`, {
    field: 'health_check',
  });
}

export const healthCheckRequest = z.preprocess((input) => (isNone(input) ? null : input), strict.nullable());
