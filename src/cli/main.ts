import { CommanderError } from 'commander';
import { CliError } from './client.ts';
import { ConfigError } from './config/config-error.ts';
import { terminal } from './output.ts';
import { makeProgram } from './program.ts';

/** `statevisor`: the command line. Exit status 0: done; 1: refused or failed; 2: the call itself is wrong. */

/** What to do about refusals of the system and of the log at a start. */
const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'That address is taken; `--listen 127.0.0.1:0` takes any free port.',
  log_in_use: 'One daemon at a time decides on a log; `--log-name NAME` gives this one a log of its own.',
  data_directory_in_use: 'A daemon serves this directory already; `statevisor ps` talks to it.',
};

const STATUS_FAILED = 1;
const STATUS_MISUSED = 2;

try {
  await makeProgram(terminal).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : STATUS_MISUSED;
  } else if (error instanceof ConfigError) {
    process.exitCode = STATUS_MISUSED;
    for (const line of error.message.split('\n')) terminal.note(`statevisor: ${line}`);
  } else {
    process.exitCode = STATUS_FAILED;
    const code = error instanceof CliError ? `${error.code}: ` : codeOf(error);
    terminal.note(`statevisor: ${code}${error instanceof Error ? error.message : String(error)}`);
    const hint = HINTS[systemCode(error)];
    if (hint !== undefined) terminal.note(hint);
    if (process.env.STATEVISOR_DEBUG !== undefined && error instanceof Error) terminal.note(error.stack ?? '');
  }
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function codeOf(error: unknown): string {
  const code = systemCode(error);
  // The system's own errors begin with their code.
  return code === '' || (error instanceof Error && error.message.startsWith(code)) ? '' : `${code}: `;
}
