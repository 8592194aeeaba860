import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where this checkout lies; also right when the entry point was reached through a symbolic link. */
export const projectDir = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * The environment of every child: the project's own tools, the pinned Node among them, come before the system's.
 *
 * @param {string} [dir]
 * @returns {NodeJS.ProcessEnv}
 */
export function childEnv(dir = projectDir) {
  const first = join(dir, 'node_modules', '.bin');
  return { ...process.env, PATH: `${first}${delimiter}${process.env.PATH ?? ''}` };
}

/**
 * @typedef {{ status: number, stdout: string }} RunResult `status` is 127 when the program does not exist.
 * @typedef {{ cwd?: string, env?: NodeJS.ProcessEnv, quiet?: boolean }} RunOptions quiet: nothing shown, stdout kept
 * @typedef {(command: string, args: readonly string[], options?: RunOptions) => RunResult} Run
 */

/**
 * Runs a program to its end. Its output goes to stderr of this process, so that ours can be parsed.
 *
 * @type {Run}
 */
export function run(command, args, options = {}) {
  const result = spawnSync(command, [...args], {
    cwd: options.cwd ?? projectDir,
    env: options.env ?? process.env,
    stdio: options.quiet ? ['ignore', 'pipe', 'ignore'] : ['ignore', 2, 2],
    encoding: 'utf8',
  });
  if (result.error) return { status: 127, stdout: '' };
  return { status: result.status ?? 1, stdout: result.stdout ?? '' };
}

/** @type {readonly NodeJS.Signals[]} */
const PASSED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];

/**
 * Becomes another program as far as Node 18 can: same stdio, signals passed on, and the same way of ending.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
export function become(command, args, env) {
  const child = spawn(command, [...args], { stdio: 'inherit', env });
  for (const signal of PASSED_SIGNALS) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole foreground group: the child has it already, and a second one means "now".
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`statevisor: cannot start ${command}: ${error.message}\n`);
    process.exit(127);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Reached only for a signal that does not end this process by default.
    process.exitCode = 128 + (constants.signals[signal] ?? 0);
  });
}
