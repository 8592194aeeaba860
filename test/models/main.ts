import { startVitest } from 'vitest/node';

/**
 * A long check: the model tests with many more rows of moves than `npm test` has time for, from a seed that stays the same, as
 * nobody is to be stopped by what somebody else left. Other seeds are for whoever looks for more: `STATEVISOR_MODEL_SEED=N`.
 */

const RUNS = 2_000;
const SEED = 20_261_127;

process.env.STATEVISOR_MODEL_SEED ??= String(SEED);
process.env.STATEVISOR_MODEL_RUNS ??= String(RUNS);
const { STATEVISOR_MODEL_SEED: seed, STATEVISOR_MODEL_RUNS: runs } = process.env;
process.stdout.write(
  `${runs} rows of moves for each model (a fifth of them where a row takes long); STATEVISOR_MODEL_SEED=${seed} repeats them.\n`,
);
const vitest = await startVitest('test', ['test/models/'], { watch: false });
await vitest.close();
