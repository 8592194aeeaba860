import { execFile } from 'node:child_process';

export interface Ran {
  /** Null when it could not be started, or did not end in time. */
  readonly status: number | null;
  readonly stdout: string;
}

export type RunProgram = (program: string, args: readonly string[]) => Promise<Ran>;

/** Nothing that is asked here takes longer on a machine in order. */
const LIMIT_MS = 5_000;
/** Where Debian keeps programs that are not in everybody's path. */
const PROGRAM_DIRECTORIES = '/usr/sbin:/sbin';

/** Runs programs of this machine, which are asked and change nothing. */
export function programRunner(environment: Readonly<Record<string, string | undefined>>): RunProgram {
  const env = { ...environment, PATH: `${environment.PATH ?? ''}:${PROGRAM_DIRECTORIES}`, LC_ALL: 'C' };
  return (program, args) =>
    new Promise((resolve) => {
      execFile(program, [...args], { timeout: LIMIT_MS, killSignal: 'SIGKILL', env }, (error, stdout) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({ status, stdout });
      });
    });
}
