import type { Command } from 'commander';
import type { Options } from './command.ts';

/** Flags that name hooks, and the part of a request they make. */

export function addHookOptions(command: Command): void {
  command
    .option('--before-stop <hook>', 'hook of the host to run before a stop')
    .option('--before-standby <hook>', 'hook of the host to run before a standby');
}

/** Hooks are replaced together: naming one leaves out the other. */
export function hooksOf({ beforeStop, beforeStandby }: Options): { hooks?: Record<string, unknown> } {
  if (beforeStop === undefined && beforeStandby === undefined) return {};
  return { hooks: { before_stop: beforeStop, before_standby: beforeStandby } };
}
