import { z } from 'zod';
import { MEMORY_MAX_BYTES, MEMORY_MIN_BYTES } from '../../../machines/definition.ts';
import { formatDuration, parseDuration } from '../../../machines/duration.ts';
import { formatSize } from '../../projections/instance-view.ts';

/** A hundred years: longer than anything meant, short enough for every date to stay one. */
export const DURATION_MAX_MS = 100 * 365 * 24 * 3_600_000;
/** Characters of a duration or size text. */
const SHORT_TEXT_MAX = 64;

const LONGEST = `${formatDuration(DURATION_MAX_MS)} (a hundred years)`;
/** There is no unit for days: they are not all of the same length. */
export const DURATION_WANTED = `must be a valid duration such as 300ms, 5s or 1h30m: units from ms to h, at most ${LONGEST}`;

/** Milliseconds of a duration text; blank or absent is `fallback`. Zero is refused unless `zero` is allowed. */
export function duration<F>(fallback: F, { zero }: { zero: boolean } = { zero: false }) {
  return z
    .string({ error: DURATION_WANTED })
    .max(SHORT_TEXT_MAX)
    .optional()
    .transform((text, context): number | F => {
      const trimmed = (text ?? '').trim();
      if (trimmed === '') return fallback;
      const ms = parseDuration(trimmed);
      const complaint = ms === null ? DURATION_WANTED : rangeComplaint(ms, zero);
      if (complaint === null) return ms!;
      context.addIssue({ code: 'custom', message: complaint });
      return z.NEVER;
    });
}

function rangeComplaint(ms: number, zero: boolean): string | null {
  if (ms < 0) return zero ? 'must not be negative' : 'must be a positive duration';
  if (ms === 0 && !zero) return 'must be a positive duration';
  return ms > DURATION_MAX_MS ? `must be at most ${LONGEST}` : null;
}

const SIZE_PATTERN = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i;
const SIZE_FACTORS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** Bytes of `1GB`, `512MB`, `1.5G`; units are powers of 1024. Null when it is not a size. */
export function parseSize(text: string): number | null {
  const match = SIZE_PATTERN.exec(text.trim());
  if (match === null) return null;
  return Math.round(Number(match[1]) * SIZE_FACTORS[match[2]!.toUpperCase()]!);
}

export const memorySize = z
  .string({ error: 'must be a size such as 512MB or 1GB' })
  .max(SHORT_TEXT_MAX)
  .transform((text, context): number => {
    const bytes = parseSize(text);
    if (bytes !== null && bytes >= MEMORY_MIN_BYTES && bytes <= MEMORY_MAX_BYTES) return bytes;
    const range = `from ${formatSize(MEMORY_MIN_BYTES)} to ${formatSize(MEMORY_MAX_BYTES)}`;
    const message = bytes === null ? 'must be a size such as 512MB or 1GB' : `must be ${range}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

const PORT_MAX = 65_535;
const portFrom = (first: number) => {
  const error = `must be a port from ${first} to ${PORT_MAX}`;
  return z.int({ error }).min(first, { error }).max(PORT_MAX, { error });
};
export const port = portFrom(1);
/** 0 lets the host choose. */
export const hostPort = portFrom(0);

const INSTANT_PATTERN = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;
const INSTANT_WANTED = 'must be a time such as 2026-01-01T12:00:00Z (RFC 3339)';

/** Epoch ms of an RFC 3339 time; null when it is none. */
export function parseInstant(text: string): number | null {
  const at = INSTANT_PATTERN.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isFinite(at) ? at : null;
}

/** Epoch ms of an RFC 3339 time. */
export const instant = z
  .string({ error: INSTANT_WANTED })
  .max(SHORT_TEXT_MAX)
  .transform((text, context): number => {
    const at = parseInstant(text);
    if (at !== null) return at;
    context.addIssue({ code: 'custom', message: INSTANT_WANTED });
    return z.NEVER;
  });

export function isObject(input: unknown): input is Readonly<Record<string, unknown>> {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}
