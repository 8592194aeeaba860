import { type Command, Option } from 'commander';
import { CliError } from '../client.ts';
import { type Options, wholeNumber } from './command.ts';

/** The restart policy on the command line, for those who create and those who update. */
export function addRestartOptions(command: Command, fallback?: string): void {
  const restart = new Option('--restart <policy>', 'restart policy').choices(['never', 'on_failure', 'always']);
  command
    .addOption(fallback === undefined ? restart : restart.default(fallback))
    .option('--backoff <duration>', 'time between automatic restarts')
    .option('--max-attempts <n>', 'automatic restarts in one failure window; 0 = no limit', wholeNumber(0))
    .option('--stable-after <duration>', 'running time that closes a failure window');
}

/** A policy is given whole, so its parts alone would silently put back what they do not name. */
export function restartPolicyOf(options: Options): { restart_policy?: Record<string, unknown> } {
  const { restart, backoff, maxAttempts, stableAfter } = options;
  const parts = { backoff, max_attempts: maxAttempts, stable_after: stableAfter };
  const isAsked = Object.values(parts).some((value) => value !== undefined);
  if (restart === undefined && isAsked) {
    throw new CliError('invalid_request', 'A restart policy is replaced whole: give --restart too.');
  }
  return restart === undefined ? {} : { restart_policy: { policy: restart, ...parts } };
}
