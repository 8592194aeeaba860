import { z } from 'zod';
import type { Expiry } from '../../../machines/policies.ts';
import { StatevisorError } from '../../actors/errors.ts';
import { duration, instant } from './scalars.ts';

/** The three fields that make an expiry. `ttl` of zero, and `expires_at` of null, mean that there is none. */
export const expiryFields = {
  ttl: duration(undefined, { zero: true }),
  expires_at: instant.nullish(),
  on_expiry: z.enum(['stop', 'delete']).optional(),
};

export interface ExpiryFields {
  readonly ttl?: number;
  readonly expires_at?: number | null;
  readonly on_expiry?: 'stop' | 'delete';
}

/** Undefined when nothing was said about it. `now` in epoch ms. */
export function expiryOf({ ttl, expires_at, on_expiry }: ExpiryFields, now: number): Expiry | null | undefined {
  if (ttl !== undefined && expires_at !== undefined) {
    throw new StatevisorError('invalid_request', 'ttl and expires_at exclude each other; give one.', { field: 'ttl' });
  }
  if (ttl === undefined && expires_at === undefined) {
    if (on_expiry === undefined) return undefined;
    const message = 'on_expiry needs ttl or expires_at beside it.';
    throw new StatevisorError('invalid_request', message, { field: 'on_expiry' });
  }
  if (ttl === 0 || expires_at === null) return null;
  const due = expires_at ?? now + (ttl ?? 0);
  if (due <= now) {
    throw new StatevisorError('invalid_request', 'expires_at must be in the future.', { field: 'expires_at' });
  }
  return { expires_at: due, then: on_expiry ?? 'stop' };
}
