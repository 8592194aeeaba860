import { z } from 'zod';
import type { Limit } from '../daemon/host-capacity.ts';
import { option } from './option.ts';

/** Settings about how much of the host VMs may take. */

type Resource = 'memory' | 'vcpus' | 'disk';

const ABOUT: Readonly<Record<Resource, string>> = {
  memory: 'memory that VMs may take together',
  vcpus: 'virtual processors that VMs may take together',
  disk: 'disk that the memory of sleeping VMs may take together',
};
const EXAMPLE: Readonly<Record<Resource, string>> = { memory: 'a size such as 16GB', vcpus: 'a number', disk: '100GB' };
const RATIO_MIN = 0.1;
const RATIO_MAX = 100;

export function limitOption(resource: Resource, fallback: 'auto' | 'off', parse: (text: string) => number | null) {
  const toLimit = (text: string, context: z.RefinementCtx): Limit => {
    if (text === 'auto' || text === 'off') return text;
    const limit = parse(text);
    if (limit !== null && limit > 0) return limit;
    context.addIssue('not a limit');
    return z.NEVER;
  };
  return option({
    schema: z.coerce.string().transform(toLimit),
    default: fallback,
    placeholder: 'limit',
    about: `${ABOUT[resource]}: auto (what the host has), off (no limit), or that much`,
    expects: `auto, off, or ${EXAMPLE[resource]}`,
  });
}

export function ratioOption(resource: Resource) {
  return option({
    schema: z.coerce.number().min(RATIO_MIN).max(RATIO_MAX),
    default: 1,
    placeholder: 'ratio',
    about: `how much of that is given out: 2 is twice the ${resource}`,
    expects: `a number from ${RATIO_MIN} to ${RATIO_MAX}`,
  });
}

export function parseCount(text: string): number | null {
  return /^\d{1,6}$/.test(text) ? Number(text) : null;
}
