import { execFile } from 'node:child_process';

/** How commands are run: the one way out of this adapter, so that a test can record it, or run them in a namespace. */

export interface Ran {
  /** Null when the program is missing, or did not end in time and was killed: nothing is known of its effect then. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly missing: boolean;
}

/** `cat` and `tee` read and write settings of the kernel, which a process sees as those of its network namespace. */
export type Program = 'ip' | 'nft' | 'cat' | 'tee' | 'test';
export type CommandRunner = (program: Program, args: readonly string[], input?: string) => Promise<Ran>;

/** One command takes milliseconds; one that hangs on the kernel's lock must not hold a boot for ever. */
export const COMMAND_LIMIT_MS = 5_000;
/** What `ip` and `nft` print about tens of thousands of guests. */
export const COMMAND_OUTPUT_MAX_BYTES = 64 * 1024 ** 2;
/** Where Debian has them; not in everybody's path. */
const PROGRAM_DIRECTORIES = '/usr/sbin:/sbin';

/** `nft` opens its standard input by name, which works with a pipe and not with the socket that Node gives a child. */
const THROUGH_PIPE = ['/bin/sh', '-c', 'cat | "$0" "$@"'];
/** What a shell, and what enters a namespace, answer for a program that is not there. */
const NOT_FOUND_STATUS = 127;

/** Runs commands on this machine; `before` is put before each of them. */
export function createCommandRunner(before: readonly string[] = [], limitMs = COMMAND_LIMIT_MS): CommandRunner {
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:${PROGRAM_DIRECTORIES}`, LC_ALL: 'C' };
  const limits = { timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: COMMAND_OUTPUT_MAX_BYTES } as const;
  return (program, args, input = '') =>
    new Promise((resolve) => {
      const [file, ...rest] = [...before, ...(program === 'nft' && input !== '' ? THROUGH_PIPE : []), program, ...args];
      const child = execFile(file!, rest, { ...limits, env, encoding: 'utf8' }, (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({ status, stdout, stderr, missing: error?.code === 'ENOENT' || status === NOT_FOUND_STATUS });
      });
      // A program that ends before it has read everything says why by its status.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input);
    });
}
