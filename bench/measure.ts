import { systemClock } from '../src/actors/clock.ts';

/** The one clock of the benchmarks. */
export const clock = systemClock();

/** What `npm run bench` was asked for. `quick`: small numbers, one answer to "does it still run and is it roughly right". */
export interface BenchOptions {
  readonly quick: boolean;
  /** Where logs are written: on a real disk, or syncing costs nothing. */
  readonly directory: string;
}

/** One line of the report: what was measured against what, and how far the aim was met. */
export interface Row {
  readonly name: string;
  /** What was measured and its baseline, in words with units. */
  readonly measured: string;
  readonly baseline: string;
  readonly ratio: number;
  readonly aim: { readonly bound: 'at_least' | 'at_most'; readonly value: number };
  /** How wrong the row may be before the run fails, as a factor on the aim. */
  readonly grossFactor?: number;
}

/** Half the aim (or twice, where less is better) is no longer noise: something has broken. */
const GROSS_FACTOR = 2;

export type Verdict = 'met' | 'missed' | 'broken';

export function verdictOf({ ratio, aim, grossFactor = GROSS_FACTOR }: Row): Verdict {
  if (!Number.isFinite(ratio)) return 'broken';
  if (ratio === aim.value) return 'met';
  const shortfall = aim.bound === 'at_least' ? aim.value / ratio : ratio / aim.value;
  if (shortfall <= 1) return 'met';
  return shortfall <= grossFactor ? 'missed' : 'broken';
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

export async function elapsedMs(work: () => void | Promise<void>): Promise<number> {
  const begun = clock.monotonic();
  await work();
  return clock.monotonic() - begun;
}

/** Numbers for people: three digits, thousands apart. */
export function shown(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
