import { type Command, InvalidArgumentError } from 'commander';
import type { InstanceView } from '../../projections/instance-view.ts';
import { CliError, type Client, connectClient } from '../client.ts';
import { endWithReader, type Output } from '../output.ts';
import { inFlags } from './field-flags.ts';

/** What the commands that speak to a running daemon have in common. */

export const INSTANCES = '/v1/instances';
/** How long commands wait for what they asked for. */
export const OUTCOME_WAIT = '2m';

export interface Common {
  readonly data?: string;
  readonly json?: boolean;
}
export type Options = Common & Readonly<Record<string, unknown>>;

type Act = (client: Client, options: Options, ...args: string[]) => Promise<unknown>;

/** Adds the options every command has, and the way from arguments to `act`. */
export function addCommand(program: Command, spec: string, description: string, act: Act): Command {
  const command = program.command(spec).description(description);
  command.option('--data <dir>', 'data directory of the daemon').option('--json', 'print JSON');
  command.action(async (...received: unknown[]) => {
    const given = received
      .slice(0, command.registeredArguments.length)
      .flat()
      .filter((arg) => arg !== undefined);
    const options = command.opts<Options>();
    endWithReader();
    try {
      await act(connectClient(options.data), options, ...(given as string[]));
    } catch (error) {
      throw inFlags(command, error);
    }
  });
  return command;
}

export function instancePath(instance: string | undefined): string {
  return `${INSTANCES}/${encodeURIComponent(instance ?? '')}`;
}

/** Those of the named options that were given, as the fields of a request; flags and fields are named alike. */
export function queryOf(options: Options, names: readonly string[]): URLSearchParams {
  const given = names.flatMap((name) => (options[name] === undefined ? [] : [[name, String(options[name])]]));
  return new URLSearchParams(given);
}

/** The parser of a whole number from `least` on; it says what it wanted and what it got. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`expected a whole number ${range}`);
  };
}

/** `--no-wait` answers at acceptance; otherwise the outcome is waited for. */
export function waitOf(options: Options): { wait?: string } {
  return options.wait === false ? {} : { wait: OUTCOME_WAIT };
}

export function showInstance(output: Output, options: Common, view: InstanceView): void {
  if (options.json === true) output.line(JSON.stringify(view));
  else output.line(`${view.name}  ${view.state}  run ${view.run}  ${view.id}`);
}

/** It came to rest elsewhere than was asked for: with the reason, where one is shown, and the way out where there is one. */
export function notReached({ name, state, state_error }: InstanceView, how: string): CliError {
  const because = state_error === null ? '' : `: ${state_error}`;
  const way =
    state === 'Standby' && state_error !== null
      ? ' It sleeps as before; `stop` gives its memory up, `start` boots then.'
      : '';
  return new CliError('not_reached', `${name} ${how}${because}.${way} \`statevisor history ${name}\` tells why.`);
}
