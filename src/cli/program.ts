import { Command } from 'commander';
import { addConfigCommands } from './commands/config.ts';
import { addHostCommands } from './commands/host.ts';
import { addImageCommands } from './commands/image.ts';
import { addInstanceCommands } from './commands/instances.ts';
import { addServe } from './commands/serve.ts';
import { addSimulate } from './commands/simulate.ts';
import type { Output } from './output.ts';

/** Every command of `statevisor`. Throws CommanderError instead of ending the process. */
export function makeProgram(output: Output): Command {
  const program = new Command('statevisor')
    .description('Supervises virtual machines: each one a persisted statechart.')
    .exitOverride()
    .showSuggestionAfterError();
  addServe(program, output);
  addInstanceCommands(program, output);
  addHostCommands(program, output);
  addSimulate(program, output);
  addImageCommands(program, output);
  addConfigCommands(program, output);
  for (const command of program.commands) command.exitOverride();
  return program;
}
