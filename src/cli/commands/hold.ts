import { type Command, Option } from 'commander';
import type { InstanceView } from '../../projections/instance-view.ts';
import type { Output } from '../output.ts';
import { addCommand, instancePath, showInstance } from './command.ts';

export function addHold(program: Command, output: Output): void {
  addCommand(program, 'hold <instance>', 'keep an instance awake for a while', async (client, options, instance) => {
    const body = { for: options.for, until: options.until };
    showInstance(output, options, (await client.call('POST', `${instancePath(instance)}/hold`, body)) as InstanceView);
  })
    .addOption(
      new Option('--for <duration>', 'how long; the idle timeout of its policy when neither is given').conflicts(
        'until',
      ),
    )
    .option('--until <time>', 'until when: 2026-01-01T12:00:00Z');
}
