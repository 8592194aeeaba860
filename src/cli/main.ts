import { CommanderError } from 'commander';
import { CliError } from './client.ts';
import { terminal } from './output.ts';
import { makeProgram } from './program.ts';

/** `statevisor`: the command line. Exit status 0: done; 1: refused or failed; 2: the call itself is wrong. */

const STATUS_FAILED = 1;
const STATUS_MISUSED = 2;

try {
  await makeProgram(terminal).parseAsync();
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
  // The system's own errors begin with their code.
  return typeof code !== 'string' || (error instanceof Error && error.message.startsWith(code)) ? '' : `${code}: `;
}
