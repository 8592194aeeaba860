import type { Parameters } from 'fast-check';

/**
 * How long the model tests run. A failure prints its seed and path; `STATEVISOR_MODEL_SEED=N` repeats a seed, and
 * `STATEVISOR_MODEL_RUNS=N` runs as many as that, as the long check does with a seed of its own.
 */

const SEED = 20_260_101;
const MS_PER_RUN_MAX = 2_000;

const asked = Number(process.env.STATEVISOR_MODEL_RUNS ?? 0);

/** In `npm test` a model takes a second or two; on a machine that does much else, many times that. */
export const LIMIT_MS = Math.max(120_000, asked * MS_PER_RUN_MAX);

/** `share`: the part of the asked rows that is enough for a model whose rows take long. */
export function runs<T>(numRuns: number, share = 1): Parameters<T> {
  const seed = Number(process.env.STATEVISOR_MODEL_SEED ?? SEED);
  return { seed, numRuns: asked > 0 ? Math.ceil(asked * share) : numRuns };
}

/** Of models of whole hosts with their guests, a row of which takes a tenth of a second. */
export const SLOW_SHARE = 0.2;
