import type { Command } from 'commander';
import type { InstanceView } from '../../projections/instance-view.ts';
import { CliError } from '../client.ts';
import type { Output } from '../output.ts';
import { addCommand, instancePath, type Options, showInstance } from './command.ts';
import { addHealthOptions, healthCheckOf } from './health-options.ts';
import { addHookOptions, hooksOf } from './hook-options.ts';
import { addLifetimeOptions, lifetimeOf } from './lifetime-options.ts';
import { addRestartOptions, restartPolicyOf } from './restart-options.ts';
import { addStandbyOptions, autoStandbyOf, schedulesOf } from './standby-options.ts';
import { warnOfSleeplessness } from './standby-warnings.ts';

export function addUpdate(program: Command, output: Output): void {
  const command = addCommand(
    program,
    'update <instance>',
    'change policies and expiry; each policy is replaced whole, what is not named stays',
    async (client, options, instance) => {
      const changes = changesOf(options);
      const view = (await client.call('PATCH', instancePath(instance), changes)) as InstanceView;
      showInstance(output, options, view);
      const touchesSleep = changes.schedules != null || changes.auto_standby !== undefined;
      if (touchesSleep) await warnOfSleeplessness({ client, output }, options, view);
    },
  );
  addRestartOptions(command);
  addHealthOptions(command);
  addStandbyOptions(command);
  addLifetimeOptions(command);
  addHookOptions(command);
  command.option('--no-hooks', 'run no hooks any more').option('--no-schedules', 'follow the calendar no more');
}

function changesOf(options: Options): Record<string, unknown> {
  const changes = {
    ...restartPolicyOf(options),
    ...healthCheckOf(options),
    ...autoStandbyOf(options),
    ...schedulesOf(options),
    ...lifetimeOf(options),
    ...hooksOf(options),
  };
  if (Object.values(changes).every((change) => change === undefined)) {
    throw new CliError('invalid_request', 'Say what to change, for example with --restart, --health or --ttl.');
  }
  return changes;
}
