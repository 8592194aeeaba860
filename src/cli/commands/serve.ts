import type { Command } from 'commander';
import { addConfigFlags } from '../config/flags.ts';
import type { Output } from '../output.ts';

export function addServe(program: Command, output: Output): void {
  const serve = program.command('serve').description('run the daemon');
  addConfigFlags(serve)
    .option('--yes', 'for `npm start`: installs what is missing without asking')
    .action(async (flags: Record<string, unknown>) => {
      // Only now: the other commands start three times as fast without the daemon's code.
      const { serveUntilSignalled } = await import('../daemon/serve-until-signalled.ts');
      await serveUntilSignalled(flags, output);
      // What could not be ended within its time does not keep the process.
      process.exit();
    });
}
