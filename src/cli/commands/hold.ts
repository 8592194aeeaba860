import { type Command, Option } from 'commander';
import { systemClock } from '../../actors/clock.ts';
import type { StandbyReport } from '../../gateway/use-cases/standby-status.ts';
import { CliError } from '../client.ts';
import type { Output } from '../output.ts';
import { holdWords } from '../standby-words.ts';
import { addCommand, instancePath } from './command.ts';

export function addHold(program: Command, output: Output): void {
  addCommand(program, 'hold <instance>', 'keep an instance awake for a while', async (client, options, instance) => {
    const body = { for: options.for, until: options.until };
    const report = (await client.call('POST', `${instancePath(instance)}/hold`, body)) as StandbyReport;
    if (options.json === true) return output.line(JSON.stringify(report));
    const words = holdWords(instance ?? '', report, systemClock().now());
    // One that nothing puts to sleep stays awake all the same; one that does not run cannot be talked to.
    const isDown = report.hold_until === undefined && report.reason === 'instance_not_running';
    if (isDown) throw new CliError('not_reached', `${words}.`);
    output.line(words);
  })
    .addOption(
      new Option('--for <duration>', 'how long; the idle timeout of its policy when neither is given').conflicts(
        'until',
      ),
    )
    .option('--until <time>', 'until when: 2026-01-01T12:00:00Z');
}
