import { z } from 'zod';
import type { AutoStandby } from '../../../machines/policies.ts';
import { canonicalCidr } from './cidr.ts';
import { duration, isObject, port } from './scalars.ts';

export const IGNORED_CIDRS_MAX = 64;
export const IGNORED_PORTS_MAX = 256;
const CIDR_TEXT_MAX = 64;

const cidr = z
  .string()
  .max(CIDR_TEXT_MAX)
  .transform((text, context): string => {
    const trimmed = text.trim();
    const canonical = trimmed === '' ? '' : canonicalCidr(trimmed);
    if (canonical !== null) return canonical;
    context.addIssue({ code: 'custom', message: `must be a network such as 10.0.0.0/8, not "${trimmed}"` });
    return z.NEVER;
  });

const strict = z
  .strictObject({
    enabled: z.boolean(),
    idle_timeout: duration(null),
    ignore_source_cidrs: z.array(cidr).max(IGNORED_CIDRS_MAX).default([]),
    ignore_destination_ports: z.array(port).max(IGNORED_PORTS_MAX).default([]),
  })
  .transform((given, context): AutoStandby => {
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
    };
  });

/** A policy that is not enabled is exactly that; nothing else of it is looked at. */
function onlyEnabled(input: unknown): unknown {
  const off = isObject(input) && (input.enabled === undefined || input.enabled === false);
  return off ? { enabled: false } : input;
}

export const autoStandbyRequest = z.preprocess(onlyEnabled, strict.nullable());
