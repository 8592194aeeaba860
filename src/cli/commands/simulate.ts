import type { Command } from 'commander';
import type { Output } from '../output.ts';

export function addSimulate(program: Command, output: Output): void {
  program
    .command('simulate <file>')
    .description('run a scenario in simulated time and check what it expects')
    .option('--json', 'print records and final views as JSON')
    .action(async (file: string, options: { json?: boolean }) => {
      const { runSimulate } = await import('../simulate/simulate.ts');
      const json = options.json === true;
      process.exitCode = await runSimulate(file, { json, out: output.line, err: output.note });
    });
}
