import { parseDuration } from '../../../machines/duration.ts';

/** One place at which what is differs from what was expected. */
export interface Mismatch {
  /** Dotted, from the view's top; '' for the whole. */
  readonly path: string;
  readonly expected: unknown;
  /** Null when there is nothing. */
  readonly actual: unknown;
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

/**
 * Compares with what is expected of a part of it: only what is named must be there. `null` matches what is null or
 * absent, `0` also what is absent (views leave zeros out), `+5s` the instant 5 s after `startMs`, and a duration every
 * way of writing it. Lists are compared item by item and have to be of the same length.
 */
export function mismatches(expected: unknown, actual: unknown, startMs: number, path = ''): Mismatch[] {
  const differs = [{ path, expected, actual: actual ?? null }];
  if (expected === null) return actual === null || actual === undefined ? [] : differs;
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return differs;
    return expected.flatMap((item, index) => mismatches(item, actual[index], startMs, join(path, String(index))));
  }
  if (isMapping(expected)) {
    // What is absent has none of the parts it could have had.
    if (actual !== null && actual !== undefined && !isMapping(actual)) return differs;
    const parts = isMapping(actual) ? actual : {};
    return Object.entries(expected).flatMap(([key, value]) => mismatches(value, parts[key], startMs, join(path, key)));
  }
  return sameScalar(expected, actual, startMs) ? [] : differs;
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sameScalar(expected: unknown, actual: unknown, startMs: number): boolean {
  if (expected === actual) return true;
  if (expected === 0) return actual === null || actual === undefined;
  if (typeof expected !== 'string' || typeof actual !== 'string') return false;
  if (INSTANT.test(actual)) {
    const offsetMs = /^[+-]/.test(expected) ? parseDuration(expected) : null;
    return Date.parse(actual) === (offsetMs === null ? Date.parse(expected) : startMs + offsetMs);
  }
  const expectedMs = parseDuration(expected);
  return expectedMs !== null && expectedMs === parseDuration(actual);
}
