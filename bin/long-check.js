import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** How many of its last lines are kept of a check: enough for one stack trace and what led to it. */
export const LINES_KEPT_MAX = 80;
const LINE_CHARS_MAX = 1_000;
const MS_PER_MINUTE = 60_000;
/** What a check has left running may hold its output open for longer than itself. */
const REST_OF_OUTPUT_MS = 2_000;
/** @type {readonly NodeJS.Signals[]} */
const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * @typedef {{ reason: string | null, lastLines: string[] }} CheckEnd `reason`: why it failed, or null
 */

/**
 * Runs one check to its end, shows what it prints, and keeps the last lines of it.
 *
 * @param {{ command: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string, minutesMax: number }} check
 * @returns {Promise<CheckEnd>}
 */
export async function runCheck({ command, args, env, cwd, minutesMax }) {
  // In a process group of its own, so that the time limit ends everything the check started.
  const child = spawn(command, [...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const closed = once(child, 'close').catch(() => undefined);
  /** @type {string[]} */
  const lastLines = [];
  for (const [from, to] of /** @type {const} */ ([
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ])) {
    from.on('data', (chunk) => to.write(chunk));
    createInterface({ input: from }).on('line', (line) => {
      lastLines.push(line.slice(0, LINE_CHARS_MAX));
      if (lastLines.length > LINES_KEPT_MAX) lastLines.shift();
    });
  }
  const endGroup = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // All of it has ended already.
    }
  };
  const interrupted = () => {
    endGroup();
    process.exit(1);
  };
  const limit = AbortSignal.timeout(minutesMax * MS_PER_MINUTE);
  limit.addEventListener('abort', endGroup);
  for (const signal of ENDING_SIGNALS) process.on(signal, interrupted);
  const reason = await /** @type {Promise<string | null>} */ (
    new Promise((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('exit', (code, signal) => {
        if (limit.aborted) resolve(`it took longer than ${minutesMax} minutes`);
        else resolve(code === 0 ? null : `it ended with ${signal ?? code}`);
      });
    })
  );
  limit.removeEventListener('abort', endGroup);
  for (const signal of ENDING_SIGNALS) process.off(signal, interrupted);
  await Promise.race([closed, once(AbortSignal.timeout(REST_OF_OUTPUT_MS), 'abort')]);
  child.stdout.destroy();
  child.stderr.destroy();
  return { reason, lastLines };
}

/**
 * What is said at the end of all checks about one that failed: whoever sees only the end of the output sees why.
 *
 * @param {string} name
 * @param {CheckEnd} end
 */
export function failureText(name, { reason, lastLines }) {
  const lines = lastLines.map((line) => `  | ${line}\n`).join('');
  return `\nfailed: ${name}: ${reason}. What it printed last:\n${lines}`;
}
