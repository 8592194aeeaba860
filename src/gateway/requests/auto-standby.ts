import { z } from 'zod';
import type { AutoStandby } from '../../../machines/policies.ts';
import { canonicalCidr } from './cidr.ts';
import { duration, isObject, port } from './scalars.ts';

export const IGNORED_CIDRS_MAX = 64;
export const IGNORED_PORTS_MAX = 256;
const CIDR_TEXT_MAX = 64;

const CIDR_WANTED = 'must be a network such as 10.0.0.0/8 or fd00::/8';

/** The empty text is a blank entry, which counts for nothing. */
const cidr = z
  .string({ error: CIDR_WANTED })
  .max(CIDR_TEXT_MAX)
  .transform((text, context): string => {
    const trimmed = text.trim();
    const canonical = trimmed === '' ? '' : canonicalCidr(trimmed);
    if (canonical !== null) return canonical;
    context.addIssue({ code: 'custom', message: `${CIDR_WANTED}, not "${trimmed}"` });
    return z.NEVER;
  });

const maxAsleep = z
  .strictObject({ after: duration(null), then: z.enum(['stop', 'delete']).default('stop') })
  .transform(({ after, then }, context) => {
    if (after !== null) return { after_ms: after, then };
    context.addIssue({ code: 'custom', message: 'is required', path: ['after'] });
    return z.NEVER;
  });

export const autoStandbyFields = z.strictObject({
  enabled: z.boolean(),
  idle_timeout: duration(null),
  ignore_source_cidrs: z.array(cidr).max(IGNORED_CIDRS_MAX).default([]),
  ignore_destination_ports: z.array(port).max(IGNORED_PORTS_MAX).default([]),
  /** How long it may sleep in one go, and what becomes of it then. */
  max_asleep: maxAsleep.nullish(),
});

const strict = autoStandbyFields.transform((given, context): AutoStandby => {
  if (!given.enabled) return { enabled: false };
  if (given.idle_timeout === null) {
    context.addIssue({ code: 'custom', message: 'is required when enabled is true', path: ['idle_timeout'] });
    return z.NEVER;
  }
  const cidrs = [...new Set(given.ignore_source_cidrs)].filter((text) => text !== '').sort();
  const ports = [...new Set(given.ignore_destination_ports)].sort((a, b) => a - b);
  return {
    enabled: true,
    idle_timeout_ms: given.idle_timeout,
    ...(cidrs.length === 0 ? {} : { ignore_source_cidrs: cidrs }),
    ...(ports.length === 0 ? {} : { ignore_destination_ports: ports }),
    ...(given.max_asleep == null ? {} : { max_asleep: given.max_asleep }),
  };
});

/** A policy that is not enabled is exactly that; nothing else of it is looked at. */
function onlyEnabled(input: unknown): unknown {
  const off = isObject(input) && (input.enabled === undefined || input.enabled === false);
  return off ? { enabled: false } : input;
}

export const autoStandbyRequest = z.preprocess(onlyEnabled, strict.nullable());
