import { type Command, InvalidArgumentError } from 'commander';
import { CliError } from '../client.ts';
import { type Options, wholeNumber } from './command.ts';

/** The health check on the command line, for those who create and those who update. */

const PORT_MAX = 65_535;
const TARGET_WANTED = 'expected http:PORT/PATH, https:PORT/PATH, tcp:PORT, exec:COMMAND, or none';
const STATUS_LEAST = 100;
const STATUS_MOST = 599;

export function addHealthOptions(command: Command): void {
  command
    .option(
      '--health <target>',
      'health check: http:PORT/PATH, https:PORT/PATH, tcp:PORT, exec:COMMAND (its words parted by spaces), or none',
      healthTarget,
    )
    .option('--health-interval <duration>', 'time between two probes')
    .option('--health-timeout <duration>', 'how long one probe may take')
    .option('--health-start-period <duration>', 'how long failures after a boot make nothing unhealthy')
    .option('--health-failures <n>', 'failures in a row that make unhealthy', wholeNumber(1))
    .option('--health-successes <n>', 'successes in a row that make healthy', wholeNumber(1))
    .option('--health-status <code>', 'status that an http check expects', wholeNumber(STATUS_LEAST, STATUS_MOST))
    .option('--health-insecure', 'trust whatever certificate an https check is shown');
}

interface HealthTarget {
  readonly type: string;
  readonly http?: { readonly port: number };
  readonly tcp?: { readonly port: number };
}

/** The options that are parts of the check, by the name under which they are given. */
const PART_FLAGS = [
  ['healthInterval', '--health-interval'],
  ['healthTimeout', '--health-timeout'],
  ['healthStartPeriod', '--health-start-period'],
  ['healthFailures', '--health-failures'],
  ['healthSuccesses', '--health-successes'],
  ['healthStatus', '--health-status'],
  ['healthInsecure', '--health-insecure'],
] as const;

/** A check is given whole, as every policy is. */
export function healthCheckOf(options: Options): { health_check?: Record<string, unknown> } {
  const { healthStatus, healthInsecure } = options;
  const target = options.health as HealthTarget | undefined;
  const parts = {
    interval: options.healthInterval,
    timeout: options.healthTimeout,
    start_period: options.healthStartPeriod,
    failure_threshold: options.healthFailures,
    success_threshold: options.healthSuccesses,
  };
  const about = { expected_status: healthStatus, ...(healthInsecure === true ? { tls_verify: false } : {}) };
  const asked = PART_FLAGS.flatMap(([name, flag]) => (options[name] === undefined ? [] : [flag]));
  if (target === undefined) {
    if (asked.length === 0) return {};
    throw new CliError('invalid_request', 'A health check is replaced whole: give --health too.');
  }
  if (target.type === 'none' && asked.length > 0) {
    throw new CliError('invalid_request', `--health none takes the whole check away: leave out ${asked.join(', ')}.`);
  }
  const aboutHttp = asked.find((flag) => flag === '--health-status' || flag === '--health-insecure');
  if (aboutHttp !== undefined && target.http === undefined) {
    throw new CliError('invalid_request', `${aboutHttp} is about http and https checks.`);
  }
  return { health_check: { ...target, ...(target.http && { http: { ...target.http, ...about } }), ...parts } };
}

/** The port of the guest that a check asks at; it must be forwarded to be reached. */
export function checkedPort(options: Options): number | undefined {
  const target = options.health as HealthTarget | undefined;
  return target?.http?.port ?? target?.tcp?.port;
}

/** `http:80/health` and `http://:80/health` are what is asked at which port of the guest. */
function healthTarget(text: string): HealthTarget {
  if (text === 'none') return { type: 'none' };
  const command = /^exec:(.*)$/s.exec(text)?.[1]?.trim();
  if (command !== undefined && command !== '') {
    return { type: 'exec', exec: { command: command.split(/\s+/) } } as HealthTarget;
  }
  const [, scheme, port, path] = /^(https?|tcp):(?:\/\/:)?(\d+)(\/\S*)?$/.exec(text) ?? [];
  const number = Number(port);
  if (scheme === undefined || (scheme === 'tcp' && path !== undefined)) throw new InvalidArgumentError(TARGET_WANTED);
  if (number < 1 || number > PORT_MAX) throw new InvalidArgumentError(`expected a port from 1 to ${PORT_MAX}`);
  if (scheme === 'tcp') return { type: 'tcp', tcp: { port: number } };
  const http = { port: number, ...(path === undefined ? {} : { path }) };
  return { type: 'http', http: scheme === 'https' ? ({ ...http, scheme } as typeof http) : http };
}
