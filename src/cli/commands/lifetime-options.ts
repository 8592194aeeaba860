import { type Command, Option } from 'commander';
import type { Options } from './command.ts';

/** Flags that say how long an instance stays: awake without anybody talking to it, and at all. */

export function addLifetimeOptions(command: Command): void {
  command
    .option(
      '--auto-standby <duration>',
      'standby after so long without connections, or off (recorded; nothing watches traffic yet)',
    )
    .option('--ttl <duration>', 'expires after this long; 0 = never')
    .option('--expires-at <time>', 'expires then: 2026-01-01T12:00:00Z')
    .addOption(new Option('--on-expiry <what>', 'what happens then (default: stop)').choices(['stop', 'delete']));
}

export function lifetimeOf({ autoStandby, ttl, expiresAt, onExpiry }: Options): Record<string, unknown> {
  const standby = autoStandby === 'off' ? { enabled: false } : { enabled: true, idle_timeout: autoStandby };
  return {
    ...(autoStandby === undefined ? {} : { auto_standby: standby }),
    ...(ttl === '0' ? { ttl: '0s' } : { ttl }),
    expires_at: expiresAt,
    on_expiry: onExpiry,
  };
}
