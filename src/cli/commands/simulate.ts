import type { Command } from 'commander';
import type { Output } from '../output.ts';
import { runSimulate } from '../simulate/simulate.ts';

export function addSimulate(program: Command, output: Output): void {
  program
    .command('simulate <file>')
    .description('run a scenario in simulated time and check what it expects')
    .option('--json', 'print records and final views as JSON')
    .action(async (file: string, options: { json?: boolean }) => {
      const json = options.json === true;
      process.exitCode = await runSimulate(file, { json, out: output.line, err: output.note });
    });
}
