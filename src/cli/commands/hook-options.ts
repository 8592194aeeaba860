import type { Command } from 'commander';
import { CliError } from '../client.ts';
import type { Options } from './command.ts';

/** Flags that name hooks, and the part of a request they make. */

export function addHookOptions(command: Command): void {
  command
    .option('--before-stop <hook>', 'hook of the host to run before a stop')
    .option('--before-standby <hook>', 'hook of the host to run before a standby');
}

/** Hooks are replaced together: naming one leaves out the other. */
export function hooksOf({ hooks, beforeStop, beforeStandby }: Options): { hooks?: Record<string, unknown> | null } {
  const isNamed = beforeStop !== undefined || beforeStandby !== undefined;
  if (hooks === false) {
    if (!isNamed) return { hooks: null };
    const flag = beforeStop === undefined ? '--before-standby' : '--before-stop';
    throw new CliError('invalid_request', `--no-hooks takes all hooks away: leave out ${flag}.`, undefined, 'hooks');
  }
  return isNamed ? { hooks: { before_stop: beforeStop, before_standby: beforeStandby } } : {};
}
