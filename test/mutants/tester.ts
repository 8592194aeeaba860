import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { systemClock } from '../../src/actors/clock.ts';
import type { NamedTest } from './mutant.ts';

/** A process that runs named tests in a copy of the project; a test that hangs ends with it and is a verdict, too. */

/** By then the slowest named test has ended several times over. */
const ANSWER_LIMIT_MS = 60_000;
const READY_LIMIT_MS = 60_000;

export interface Question {
  readonly test: NamedTest;
  /** Absolute paths of files that differ from what the last question saw. */
  readonly changed: readonly string[];
}

export interface Verdict {
  /** `broken`: it failed, but not as a test that has noticed something fails. */
  readonly outcome: 'passed' | 'failed' | 'broken';
  readonly why: string;
}

export class Tester {
  readonly #directory: string;
  readonly #clock = systemClock();
  #child: ChildProcess | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async ask(question: Question): Promise<Verdict> {
    const child = this.#child ?? (await this.#start());
    const answer = this.#next<Verdict>(child, ANSWER_LIMIT_MS);
    child.send(question);
    try {
      return await answer;
    } catch (error) {
      this.close();
      return { outcome: 'broken', why: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Ends the process and every worker it has started, also one that never returns. */
  close(): void {
    const pid = this.#child?.pid;
    this.#child = null;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  async #start(): Promise<ChildProcess> {
    const script = join(this.#directory, 'test', 'mutants', 'tester.process.ts');
    // In a process group of its own: `close` ends all of it. What it prints is not for whoever reads the table.
    const child = fork(script, { cwd: this.#directory, detached: true, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child = child;
    await this.#next(child, READY_LIMIT_MS);
    return child;
  }

  #next<T>(child: ChildProcess, limitMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        cancel();
        child.off('message', hear);
        child.off('exit', end);
      };
      const hear = (message: unknown): void => {
        settle();
        resolve(message as T);
      };
      const end = (): void => {
        settle();
        reject(new Error('the process that runs the tests has ended'));
      };
      const cancel = this.#clock.after(limitMs, () => {
        settle();
        reject(new Error(`no answer within ${limitMs} ms`));
      });
      child.once('message', hear);
      child.once('exit', end);
    });
  }
}
