import { type Command, Option } from 'commander';
import { systemClock } from '../../actors/clock.ts';
import type { StandbyReport } from '../../gateway/use-cases/standby-status.ts';
import { inWords } from '../instance-words.ts';
import type { Output } from '../output.ts';
import { addCommand, instancePath } from './command.ts';

export function addHold(program: Command, output: Output): void {
  addCommand(program, 'hold <instance>', 'keep an instance awake for a while', async (client, options, instance) => {
    const body = { for: options.for, until: options.until };
    const report = (await client.call('POST', `${instancePath(instance)}/hold`, body)) as StandbyReport;
    if (options.json === true) return output.line(JSON.stringify(report));
    const { hold_until: until, status, reason } = report;
    const held =
      until === undefined ? null : `${instance} is held until ${until} (${inWords(until, systemClock().now())})`;
    output.line(held ?? `${instance} is not held: ${status.replaceAll('_', ' ')} (${reason.replaceAll('_', ' ')})`);
  })
    .addOption(
      new Option('--for <duration>', 'how long; the idle timeout of its policy when neither is given').conflicts(
        'until',
      ),
    )
    .option('--until <time>', 'until when: 2026-01-01T12:00:00Z');
}
