import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../actors/contracts/clock.ts';
import { TableError } from './kernel-table.ts';
import { eachLine } from './line-stream.ts';

/** One run of the tool `conntrack`, and why it failed. */

export const PROGRAM = 'conntrack';
/** A run that neither ends nor says anything for so long hangs. */
export const TOOL_SILENCE_LIMIT_MS = 5_000;
/** What is kept of its own words, to say why it failed. */
const WORDS_MAX_CHARACTERS = 2_048;

export function startTool(args: readonly string[]): ChildProcess {
  return spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, LC_ALL: 'C' } });
}

/** The end of what it said until now, with one more line. */
export function wordsWith(words: string, line: string): string {
  return `${words}\n${line}`.slice(-WORDS_MAX_CHARACTERS);
}

/** Resolves when it ended well; what it said decides how its failing is told. */
export function endOf(child: ChildProcess, words: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(failureOf(error.message.includes('ENOENT') ? 'ENOENT' : error.message)));
    child.once('close', (code) => (code === 0 ? resolve() : reject(failureOf(words()))));
  });
}

export interface ToolRun {
  readonly args: readonly string[];
  readonly line: (text: string) => void;
  /** It ends with an error and says this where all is well. */
  readonly harmless?: RegExp;
}

/** Runs of the tool that end by themselves. Those that hang are killed, and those under way end with whoever began them. */
export class ToolRuns {
  readonly #clock: Clock;
  readonly #underWay = new Set<ChildProcess>();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when it has said everything and ended well. */
  async run({ args, line, harmless }: ToolRun): Promise<void> {
    if (this.#closed) throw new TableError(`${PROGRAM} is not asked any more`);
    const child = startTool(args);
    this.#underWay.add(child);
    const ended = new AbortController();
    let words = '';
    let silent: TableError | null = null;
    let heardAt = this.#clock.monotonic();
    const hear = (): void => {
      heardAt = this.#clock.monotonic();
    };
    const endWhenSilent = async (): Promise<void> => {
      while (await this.#clock.sleep(heardAt + TOOL_SILENCE_LIMIT_MS - this.#clock.monotonic(), ended.signal)) {
        if (this.#clock.monotonic() - heardAt < TOOL_SILENCE_LIMIT_MS) continue;
        silent = new TableError(`${PROGRAM} said nothing for ${TOOL_SILENCE_LIMIT_MS} ms and was killed`);
        child.kill('SIGKILL');
        // Whoever has its end of them, too, keeps nobody waiting either.
        child.stdout?.destroy();
        child.stderr?.destroy();
        return;
      }
    };
    void endWhenSilent();
    const complains = (text: string): void => {
      words = wordsWith(words, text);
    };
    try {
      await Promise.all([
        endOf(child, () => words),
        eachLine(child.stderr!, complains, hear),
        eachLine(child.stdout!, line, hear),
      ]);
    } catch (error) {
      if (silent !== null) throw silent;
      if (harmless?.test(words) !== true) throw error;
    } finally {
      ended.abort();
      this.#underWay.delete(child);
    }
  }

  close(): void {
    this.#closed = true;
    for (const child of this.#underWay) child.kill('SIGKILL');
  }
}

function failureOf(words: string): TableError {
  if (words === 'ENOENT') return new TableError(`the program ${PROGRAM} is not installed`);
  if (/not permitted|permission denied/i.test(words)) {
    return new TableError(`the daemon needs CAP_NET_ADMIN (${PROGRAM} says: operation not permitted)`);
  }
  return new TableError(`${PROGRAM} failed: ${words.trim().replaceAll(/\s+/g, ' ')}`);
}
