import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONSOLE_LOG_PART_BYTES, EVENT_LOG_PART_BYTES, type RunFacts } from './run-directory.ts';

const LOG_PART_BYTES = [CONSOLE_LOG_PART_BYTES, EVENT_LOG_PART_BYTES].map(String);
const SHELL = '/bin/sh';
const SUPERVISE_TEXT = readFileSync(join(import.meta.dirname, 'supervise.sh'), 'utf8');

export interface Supervisor {
  /** Resolves when the supervisor has ended, which it does only after its VMM; with why it could not be started. */
  readonly ended: Promise<{ readonly failure: string | null }>;
}

/**
 * Starts the process that starts the VMM of a taken run and outlives this process. Spawns within the present tick.
 */
export function startSupervisor(directory: string, facts: RunFacts): Supervisor {
  const options = ['-c', SUPERVISE_TEXT, 'statevisor-run', facts.token, ...LOG_PART_BYTES];
  const child = spawn(SHELL, [...options, ...facts.argv], {
    cwd: directory,
    detached: true,
    stdio: 'ignore',
    env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  child.unref();
  const ended = new Promise<{ readonly failure: string | null }>((resolve) => {
    child.once('error', (error) => resolve({ failure: error.message }));
    child.once('exit', () => resolve({ failure: null }));
  });
  return { ended };
}
