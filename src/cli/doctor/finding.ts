import type { Clock } from '../../actors/contracts/clock.ts';
import type { Config } from '../config/options.ts';
import type { DataDirectory } from '../data-directory.ts';
import type { RunProgram } from './run-program.ts';

/** `problem`: something asked for cannot work. `warning`: it works, with a drawback. */
export type Verdict = 'ok' | 'warning' | 'problem';

export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  readonly verdict: Verdict;
  /** What was found. */
  readonly found: string;
  /** What that means; absent when all is well. */
  readonly means?: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** What checks look at and with; tests have surroundings of their own. */
export interface Surroundings {
  readonly config: Config;
  readonly directory: DataDirectory;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly run: RunProgram;
}

export type Check = (around: Surroundings) => Promise<Finding[]>;

export function ok(check: string, found: string): Finding {
  return { check, verdict: 'ok', found };
}

export function warning(check: string, found: string, means: string, remedy: string): Finding {
  return { check, verdict: 'warning', found, means, remedy };
}

export function problem(check: string, found: string, means: string, remedy: string): Finding {
  return { check, verdict: 'problem', found, means, remedy };
}
