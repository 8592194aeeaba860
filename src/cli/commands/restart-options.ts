import { type Command, InvalidArgumentError, Option } from 'commander';
import { CliError } from '../client.ts';
import { type Options, wholeNumber } from './command.ts';

/** The restart policy on the command line, for those who create and those who update. */
export function addRestartOptions(command: Command, fallback?: RestartMode): void {
  const restart = new Option(
    '--restart <policy>',
    'restart policy: never, on_failure or always; on_failure:3 is that with --max-attempts 3',
  ).argParser(restartMode);
  command
    .addOption(fallback === undefined ? restart : restart.default(fallback, fallback.policy))
    .option('--max-attempts <n>', 'automatic restarts in one failure window; 0 = no limit', wholeNumber(0))
    .option('--backoff <duration>', 'time between automatic restarts')
    .option('--backoff-max <duration>', 'let the backoff double with each attempt, up to this')
    .option(
      '--delays <durations>',
      'the delays one by one instead of a backoff: 1s,10s,1m; the last one repeats',
      listed,
    )
    .option('--jitter <fraction>', 'part of each delay that may be taken off or added, from 0 to 1', fraction)
    .option('--stable-after <duration>', 'running time that closes a failure window')
    .option('--stability-period <duration>', 'no restart for health so soon after an automatic restart')
    .option('--restart-on <codes>', 'exit codes that are restarted also where on_failure would not: 0,3', codes)
    .option('--never-on <codes>', 'exit codes that are never restarted: 2,64', codes);
}

/** What `--restart` says. */
export interface RestartMode {
  readonly policy: string;
  readonly max_attempts?: number;
}

/** A policy is given whole, so its parts alone would silently put back what they do not name. */
export function restartPolicyOf(options: Options): { restart_policy?: Record<string, unknown> } {
  const parts = partsOf(options);
  const restart = options.restart as RestartMode | undefined;
  const asked = PART_FLAGS.flatMap(([name, flag]) => (options[name] === undefined ? [] : [flag]));
  if (restart === undefined && asked.length > 0) {
    throw new CliError('invalid_request', 'A restart policy is replaced whole: give --restart too.');
  }
  if (restart?.policy === 'never' && asked.length > 0) {
    throw new CliError(
      'invalid_request',
      `--restart never takes the whole policy away: leave out ${asked.join(', ')}.`,
    );
  }
  if (restart?.max_attempts !== undefined && options.maxAttempts !== undefined) {
    throw new CliError('invalid_request', '--restart names a number of attempts already: leave out --max-attempts.');
  }
  return restart === undefined ? {} : { restart_policy: { ...parts, ...restart } };
}

/** The options that are parts of the policy, by the name under which they are given. */
const PART_FLAGS = [
  ['maxAttempts', '--max-attempts'],
  ['backoff', '--backoff'],
  ['backoffMax', '--backoff-max'],
  ['delays', '--delays'],
  ['jitter', '--jitter'],
  ['stableAfter', '--stable-after'],
  ['stabilityPeriod', '--stability-period'],
  ['restartOn', '--restart-on'],
  ['neverOn', '--never-on'],
] as const;

function partsOf(options: Options): Record<string, unknown> {
  const { restartOn, neverOn } = options;
  const exitCodes =
    restartOn === undefined && neverOn === undefined ? undefined : { restart: restartOn, never: neverOn };
  return {
    max_attempts: options.maxAttempts,
    backoff: options.backoff,
    backoff_max: options.backoffMax,
    delays: options.delays,
    jitter: options.jitter,
    stable_after: options.stableAfter,
    stability_period: options.stabilityPeriod,
    exit_codes: exitCodes,
  };
}

function restartMode(text: string): RestartMode {
  const [, policy, , most] = /^(never|on_failure|always)(:(\d+))?$/.exec(text) ?? [];
  if (policy === undefined || (policy === 'never' && most !== undefined)) {
    throw new InvalidArgumentError('expected never, on_failure or always, or on_failure:N or always:N');
  }
  return { policy, ...(most === undefined ? {} : { max_attempts: Number(most) }) };
}

function listed(text: string): string[] {
  return text.split(',');
}

function codes(text: string): number[] {
  return listed(text).map((code) => {
    if (/^\d{1,3}$/.test(code) && Number(code) <= EXIT_CODE_MAX) return Number(code);
    throw new InvalidArgumentError(`expected exit codes from 0 to ${EXIT_CODE_MAX} with commas between them`);
  });
}

const EXIT_CODE_MAX = 255;

function fraction(text: string): number {
  const value = Number(text);
  if (/^\d*\.?\d+$/.test(text) && value <= 1) return value;
  throw new InvalidArgumentError('expected a number from 0 to 1, for example 0.2');
}
