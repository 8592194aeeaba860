import { type Command, Option } from 'commander';
import type { Options } from './command.ts';

/** Flags that say how long an instance stays. */

export function addLifetimeOptions(command: Command): void {
  command
    .option('--ttl <duration>', 'expires after this long; 0 = never')
    .option('--expires-at <time>', 'expires then: 2026-01-01T12:00:00Z')
    .addOption(new Option('--on-expiry <what>', 'what happens then (default: stop)').choices(['stop', 'delete']));
}

export function lifetimeOf({ ttl, expiresAt, onExpiry }: Options): Record<string, unknown> {
  return {
    ...(ttl === '0' ? { ttl: '0s' } : { ttl }),
    expires_at: expiresAt,
    on_expiry: onExpiry,
  };
}
