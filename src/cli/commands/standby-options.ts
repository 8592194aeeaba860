import { type Command, Option } from 'commander';
import { CliError } from '../client.ts';
import { type Options, wholeNumber } from './command.ts';

/** Standby on the command line, for those who create and those who update: when nobody talks to a guest, and by the calendar. */

const PORT_MAX = 65_535;

export function addStandbyOptions(command: Command): void {
  command
    .option('--auto-standby <duration>', 'standby after so long without connections, or off')
    .option('--ignore-source <networks>', 'connections from there keep nothing awake: 10.0.0.0/8,fd00::/8', listed)
    .option('--ignore-port <ports>', 'nor do those to these ports of the guest: 22,9100', ports)
    .option('--max-asleep <duration>', 'how long it may sleep in one go')
    .addOption(
      new Option('--after-max-asleep <what>', 'what becomes of it then (default: stop)').choices(['stop', 'delete']),
    )
    .option('--standby-at <cron>', 'put it to sleep at these minutes, unless somebody talks to it: "0 22 * * 1-5"')
    .option('--wake-at <cron>', 'wake it at these minutes')
    .option('--snapshot-at <cron>', 'take a snapshot at these minutes')
    .option('--snapshot-keep <n>', 'how many of those snapshots are kept (default: 3)', wholeNumber(1))
    .option('--time-zone <zone>', 'whose minutes they are: Europe/Berlin (default: UTC)');
}

/** The options that are parts of the policy, by the name under which they are given. */
const PART_FLAGS = [
  ['ignoreSource', '--ignore-source'],
  ['ignorePort', '--ignore-port'],
  ['maxAsleep', '--max-asleep'],
  ['afterMaxAsleep', '--after-max-asleep'],
] as const;

/** A policy is given whole, so its parts alone would silently put back what they do not name. */
export function autoStandbyOf(options: Options): { auto_standby?: Record<string, unknown> } {
  const { autoStandby, maxAsleep, afterMaxAsleep } = options;
  const parts = { ignore_source_cidrs: options.ignoreSource, ignore_destination_ports: options.ignorePort };
  const asked = PART_FLAGS.flatMap(([name, flag]) => (options[name] === undefined ? [] : [flag]));
  if (asked.length > 0 && autoStandby === undefined) {
    throw new CliError('invalid_request', 'Standby is replaced whole: give --auto-standby too.');
  }
  if (asked.length > 0 && autoStandby === 'off') {
    throw new CliError(
      'invalid_request',
      `--auto-standby off takes the whole policy away: leave out ${asked.join(', ')}.`,
    );
  }
  if (autoStandby === undefined) return {};
  if (autoStandby === 'off') return { auto_standby: { enabled: false } };
  if (maxAsleep === undefined && afterMaxAsleep !== undefined) {
    throw new CliError('invalid_request', '--after-max-asleep needs --max-asleep beside it.');
  }
  const most = maxAsleep === undefined ? undefined : { after: maxAsleep, then: afterMaxAsleep };
  return { auto_standby: { enabled: true, idle_timeout: autoStandby, ...parts, max_asleep: most } };
}

/** All of the schedules together are one policy. */
export function schedulesOf(options: Options): { schedules?: Record<string, unknown> | null } {
  const { standbyAt, wakeAt, snapshotAt, snapshotKeep: keep, timeZone: time_zone } = options;
  const isGiven = [standbyAt, wakeAt, snapshotAt].some((cron) => cron !== undefined);
  if (options.schedules === false) {
    if (!isGiven && keep === undefined && time_zone === undefined) return { schedules: null };
    throw new CliError('invalid_request', '--no-schedules takes all of them away: give no schedule beside it.');
  }
  if (snapshotAt === undefined && keep !== undefined) {
    throw new CliError('invalid_request', '--snapshot-keep needs --snapshot-at beside it.');
  }
  if (!isGiven && time_zone !== undefined) {
    throw new CliError('invalid_request', '--time-zone needs --standby-at, --wake-at or --snapshot-at beside it.');
  }
  if (!isGiven) return {};
  const at = (cron: unknown, more: object = {}): object | undefined =>
    cron === undefined ? undefined : { cron, time_zone, ...more };
  return { schedules: { standby: at(standbyAt), wake: at(wakeAt), snapshot: at(snapshotAt, { keep }) } };
}

function listed(text: string): string[] {
  return text.split(',');
}

function ports(text: string): number[] {
  return listed(text).map(wholeNumber(1, PORT_MAX));
}
