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
const said = `${runs} rows of moves for each model (a fifth of them where a row takes long); STATEVISOR_MODEL_SEED=${seed} STATEVISOR_MODEL_RUNS=${runs} repeats them.\n`;
process.stdout.write(said);
const vitest = await startVitest('test', ['test/models/'], { watch: false });
await vitest.close();
// Once more where it is looked for: a row of moves that failed may be longer than what is kept of the output.
if (process.exitCode) process.stdout.write(said);
