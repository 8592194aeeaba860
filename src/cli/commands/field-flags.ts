import type { Command } from 'commander';
import { CliError } from '../client.ts';

/**
 * The daemon names the field of a request that is at fault. Whoever typed a flag has never seen that field, so the flag
 * is named first.
 */

const FLAG_OF: Readonly<Record<string, string>> = {
  restart_policy: '--restart',
  'restart_policy.policy': '--restart',
  'restart_policy.max_attempts': '--max-attempts',
  'restart_policy.backoff': '--backoff',
  'restart_policy.backoff_max': '--backoff-max',
  'restart_policy.delays': '--delays',
  'restart_policy.jitter': '--jitter',
  'restart_policy.stable_after': '--stable-after',
  'restart_policy.stability_period': '--stability-period',
  'restart_policy.exit_codes.restart': '--restart-on',
  'restart_policy.exit_codes.never': '--never-on',
  health_check: '--health',
  'health_check.interval': '--health-interval',
  'health_check.timeout': '--health-timeout',
  'health_check.start_period': '--health-start-period',
  'health_check.failure_threshold': '--health-failures',
  'health_check.success_threshold': '--health-successes',
  'health_check.http.expected_status': '--health-status',
  'health_check.http.tls_verify': '--health-insecure',
  auto_standby: '--auto-standby',
  'auto_standby.ignore_source_cidrs': '--ignore-source',
  'auto_standby.ignore_destination_ports': '--ignore-port',
  'auto_standby.max_asleep': '--max-asleep',
  'auto_standby.max_asleep.then': '--after-max-asleep',
  'schedules.standby': '--standby-at',
  'schedules.wake': '--wake-at',
  'schedules.snapshot': '--snapshot-at',
  'schedules.snapshot.keep': '--snapshot-keep',
  'schedules.standby.time_zone': '--time-zone',
  'schedules.wake.time_zone': '--time-zone',
  'schedules.snapshot.time_zone': '--time-zone',
  'network.mode': '--network',
  'network.address': '--address',
  'network.ports': '--port',
  'hooks.before_stop': '--before-stop',
  'hooks.before_standby': '--before-standby',
};

/** The flag of this command that a field comes from: its own, or that of the nearest part it belongs to. */
export function flagOf(command: Command, field: string): string | null {
  return flagAmong(new Set(command.options.map(({ long }) => long)), field);
}

function flagAmong(known: ReadonlySet<string | null | undefined>, field: string): string | null {
  for (let part = field; part !== ''; part = part.slice(0, Math.max(0, part.lastIndexOf('.')))) {
    const flag = FLAG_OF[part] ?? (part.includes('.') ? undefined : `--${part.replaceAll('_', '-')}`);
    if (flag !== undefined && known.has(flag)) return flag;
  }
  return null;
}

/** The same refusal in the words of whoever typed the command; anything else as it is. */
export function inFlags(command: Command, error: unknown): unknown {
  if (!(error instanceof CliError) || error.field === null) return error;
  // What was left out has a default, and nobody wants to hear of a flag that they never gave.
  const given = command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli');
  const flag = flagAmong(new Set(given.map(({ long }) => long)), error.field);
  if (flag === null) return error;
  // A field that the flag is named after need not be said a second time.
  const named = `${error.field} `;
  const isTwice = flag === `--${error.field.replaceAll('_', '-')}` && error.message.startsWith(named);
  const told = isTwice ? `${flag} ${error.message.slice(named.length)}` : `${flag}: ${error.message}`;
  return new CliError(error.code, told, error);
}
