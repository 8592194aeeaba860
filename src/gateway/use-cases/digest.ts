import { createHash } from 'node:crypto';
import { StatevisorError } from '../../actors/errors.ts';
import { isObject } from '../requests/scalars.ts';

/** No request nests deeper; text that does is not one. */
export const NESTING_MAX = 32;

/** SHA-256 (hex) of what a command says: verb, target and payload. How long its caller waits is no part of it. */
export function digestOf(verb: string, input: unknown): string {
  const { wait: _wait, ...payload } = isObject(input) ? input : {};
  return createHash('sha256').update(canonicalJson({ verb, payload })).digest('hex');
}

/** The same text for the same value, in whatever order its fields came. */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > NESTING_MAX) throw new StatevisorError('invalid_request', 'The body is nested too deeply.');
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const fields = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key], depth + 1)}`);
  return `{${fields.join(',')}}`;
}
