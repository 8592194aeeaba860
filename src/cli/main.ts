import { Command, CommanderError } from 'commander';
import { CliError } from './client.ts';
import { addImageCommands } from './commands/image.ts';
import { addInstanceCommands } from './commands/instances.ts';
import { addServe } from './commands/serve.ts';
import { addSimulate } from './commands/simulate.ts';
import { terminal } from './output.ts';

/** `statevisor`: the command line. Exit status 0: done; 1: refused or failed; 2: the call itself is wrong. */

const STATUS_FAILED = 1;
const STATUS_MISUSED = 2;

function makeProgram(): Command {
  const program = new Command('statevisor')
    .description('Supervises virtual machines: each one a persisted statechart.')
    .exitOverride()
    .showSuggestionAfterError();
  addServe(program, terminal);
  addInstanceCommands(program, terminal);
  addSimulate(program, terminal);
  addImageCommands(program, terminal);
  for (const command of program.commands) command.exitOverride();
  return program;
}

try {
  await makeProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : STATUS_MISUSED;
  } else {
    process.exitCode = STATUS_FAILED;
    const code = error instanceof CliError ? `${error.code}: ` : codeOf(error);
    terminal.note(`statevisor: ${code}${error instanceof Error ? error.message : String(error)}`);
    if (process.env.STATEVISOR_DEBUG !== undefined && error instanceof Error) terminal.note(error.stack ?? '');
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? `${code}: ` : '';
}
