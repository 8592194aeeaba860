import { type Command, Option } from 'commander';
import { follow } from '../follow.ts';
import type { Output } from '../output.ts';
import { addCommand, instancePath, queryOf, wholeNumber } from './command.ts';

interface LogView {
  readonly run: number;
  readonly text: string;
  readonly gap: boolean;
}

const GAP_NOTE = 'Older lines are not kept any more.';

export function addLogs(program: Command, output: Output): void {
  addCommand(program, 'logs <instance>', 'what the guest, its VMM, or we said', async (client, options, instance) => {
    const path = `${instancePath(instance)}/logs`;
    const query = queryOf(options, ['source', 'tail', 'run']);
    let shownRun: number | null = null;
    const print = (view: LogView): void => {
      if (shownRun !== null && view.run !== shownRun) output.note(`Run ${view.run}:`);
      shownRun = view.run;
      if (view.gap) output.note(GAP_NOTE);
      if (options.json === true) output.line(JSON.stringify(view));
      else output.text(view.text);
    };
    if (options.follow !== true) return print((await client.call('GET', `${path}?${query}`)) as LogView);
    query.set('follow', 'true');
    for await (const { data } of follow(client, `${path}?${query}`, output.note)) print(JSON.parse(data) as LogView);
  })
    .option('-f, --follow', 'go on with what comes, and with the next run')
    .addOption(
      new Option('--source <name>', 'whose words').choices(['console', 'vmm', 'operations']).default('console'),
    )
    .option('--tail <n>', 'lines from the end', wholeNumber(0), 100)
    .option('--run <n>', 'this run instead of the newest', wholeNumber(0));
}
