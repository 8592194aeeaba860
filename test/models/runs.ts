import type { Parameters } from 'fast-check';

/**
 * How long the model tests run. A failure prints its seed and path; `STATEVISOR_MODEL_SEED=N` repeats a seed, and
 * `STATEVISOR_MODEL_RUNS=N` runs as many as that, as the long check does with a seed of its own.
 */

const SEED = 20_260_101;
const MS_PER_RUN_MAX = 2_000;

const asked = Number(process.env.STATEVISOR_MODEL_RUNS ?? 0);

/** In `npm test` a model takes a few seconds. */
export const LIMIT_MS = Math.max(60_000, asked * MS_PER_RUN_MAX);

export function runs<T>(numRuns: number): Parameters<T> {
  const seed = Number(process.env.STATEVISOR_MODEL_SEED ?? SEED);
  return { seed, numRuns: asked > 0 ? asked : numRuns };
}
