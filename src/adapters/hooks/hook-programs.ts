import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../actors/contracts/clock.ts';
import type { HookCall, Hooks } from '../../actors/contracts/hooks.ts';
import type { EffectControl, Outcome } from '../../actors/contracts/hypervisor.ts';

/**
 * Hooks as programs of the host: the files of one directory, each an executable named for its hook. A definition can
 * only name one of them; it never brings a path, arguments or an environment along.
 */

/** Longest life of a hook's process; the chart has a deadline of its own, which may be shorter. */
export const HOOK_LIMIT_MS = 60_000;
/** What is kept of its standard error to say why it failed. */
export const HOOK_WORDS_MAX_BYTES = 512;
const HOOK_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const OTHERS_MAY_WRITE = 0o022;
/** A hook gets a usual path and nothing of the daemon's own environment, which may hold secrets. */
const HOOK_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface HookProgramsOptions {
  /** Absolute. */
  readonly directory: string;
  readonly clock: Clock;
  readonly limitMs?: number;
}

export function createHookPrograms({ directory, clock, limitMs = HOOK_LIMIT_MS }: HookProgramsOptions): Hooks {
  return {
    run: async (call, control) => {
      const program = programOf(directory, call.hook);
      if ('code' in program) return { outcome: 'failed', error: program };
      if (control.signal.aborted || !control.stillWanted()) return { outcome: 'withdrawn' };
      return runProgram(program.path, call, control, { directory, clock, limitMs });
    },
  };
}

/** The hook's file, if it is one that may be trusted: nobody but its owner can change what it does. */
function programOf(directory: string, hook: string): { path: string } | { code: string; message: string } {
  const unknown = { code: 'hook_unknown', message: `there is no hook ${hook} on this host` };
  if (!HOOK_NAME.test(hook)) return unknown;
  const path = join(directory, hook);
  try {
    const found = statSync(path);
    if (!found.isFile()) return unknown;
    const own = process.getuid?.() ?? found.uid;
    if ((found.mode & OTHERS_MAY_WRITE) !== 0 || (found.uid !== own && found.uid !== 0)) {
      return {
        code: 'hook_untrusted',
        message: `hook ${hook} can be changed by others than the daemon's user or root`,
      };
    }
    accessSync(path, constants.X_OK);
    return { path };
  } catch (error) {
    const denied = error instanceof Error && 'code' in error && error.code === 'EACCES';
    return denied ? { code: 'hook_not_executable', message: `hook ${hook} is not executable` } : unknown;
  }
}

interface Surroundings {
  readonly directory: string;
  readonly clock: Clock;
  readonly limitMs: number;
}

/** In a process group of its own, so that whatever it started ends with it when its time is over. */
async function runProgram(
  path: string,
  call: HookCall,
  control: EffectControl,
  { directory, clock, limitMs }: Surroundings,
): Promise<Outcome> {
  const child = spawn(path, [], {
    cwd: directory,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: environmentOf(call),
  });
  const words = lastWords(child);
  const ended = endOf(child);
  child.stdin?.on('error', () => {});
  child.stdin?.end(`${JSON.stringify(call)}\n`);
  const over = new AbortController();
  const late = clock.sleep(limitMs, AbortSignal.any([over.signal, control.signal]));
  const end = await Promise.race([ended, late.then(() => null)]);
  over.abort();
  if (end === null) {
    killGroup(child);
    await ended;
    if (!control.signal.aborted) return failure('hook_timed_out', `hook ${call.hook} did not end within ${limitMs} ms`);
    const message = `hook ${call.hook} was ended before it was done`;
    return { outcome: 'unknown', error: { code: 'hook_withdrawn', message } };
  }
  if (end.error !== null) return failure('hook_failed', `hook ${call.hook} could not be started: ${end.error}`);
  if (end.status === 0) return { outcome: 'done', result: null };
  const said = words();
  const how = end.status === null ? `was ended by ${end.signal}` : `ended with ${end.status}`;
  return failure('hook_failed', `hook ${call.hook} ${how}${said === '' ? '' : `: ${said}`}`);
}

function failure(code: string, message: string): Outcome {
  return { outcome: 'failed', error: { code, message } };
}

function environmentOf({ instance, name, run, hook, moment }: HookCall): Record<string, string> {
  return {
    PATH: HOOK_PATH,
    LC_ALL: 'C.UTF-8',
    STATEVISOR_INSTANCE: instance,
    STATEVISOR_NAME: name,
    STATEVISOR_RUN: String(run),
    STATEVISOR_HOOK: hook,
    STATEVISOR_MOMENT: moment,
  };
}

interface ProcessEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error: string | null;
}

function endOf(child: ChildProcess): Promise<ProcessEnd> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ status: null, signal: null, error: error.message }));
    // Not `close`: something it left in the background may hold its output open.
    child.once('exit', (status, signal) => resolve({ status, signal, error: null }));
  });
}

/** The last line it wrote to standard error, bounded. */
function lastWords(child: ChildProcess): () => string {
  let tail = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-HOOK_WORDS_MAX_BYTES);
  });
  child.stderr?.on('error', () => {});
  return () => tail.trimEnd().split('\n').at(-1)?.trim() ?? '';
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}
