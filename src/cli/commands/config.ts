import type { Command } from 'commander';
import { addConfigFlags } from '../config/flags.ts';
import { loadConfig } from '../config/load-config.ts';
import { readConfigFile } from '../config/read-file.ts';
import { shownSettings } from '../config/show-config.ts';
import { endWithReader, type Output, table } from '../output.ts';

export function addConfigCommands(program: Command, output: Output): void {
  const config = program.command('config').description('the configuration of the daemon');
  const check = config
    .command('check [file]')
    .description('check a configuration file, or with the flags of `serve` everything it would read');
  addConfigFlags(check, { listed: false }).action((file: string | undefined, flags: Record<string, unknown>) => {
    if (file !== undefined) {
      const { settings, notes } = readConfigFile(file);
      for (const note of notes) output.note(note);
      return output.line(`${file} is in order: ${settings.size} settings.`);
    }
    const effective = loadConfig({ flags, environment: process.env });
    for (const note of effective.notes) output.note(note);
    output.line(effective.file === null ? 'In order; there is no file.' : `${effective.file} is in order.`);
  });
  const show = config
    .command('show')
    .description('show what `serve` with the same flags would work with, and where each value comes from');
  addConfigFlags(show, { listed: false })
    .option('--json', 'print JSON')
    .action((flags: Record<string, unknown>) => {
      endWithReader();
      const effective = loadConfig({ flags, environment: process.env });
      const shown = shownSettings(effective);
      for (const note of effective.notes) output.note(note);
      if (flags.json === true) return output.line(JSON.stringify({ file: effective.file, settings: shown }));
      const rows = shown.map(({ key, value, from }) => [key, text(value), from]);
      for (const line of table([['KEY', 'VALUE', 'FROM'], ...rows])) output.line(line);
    });
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
