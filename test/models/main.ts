import { startVitest } from 'vitest/node';
import { systemClock } from '../../src/actors/clock.ts';

/** A long check: the model tests with many more rows of moves than `npm test` has time for, from a seed that is printed. */

const RUNS = 2_000;

process.env.STATEVISOR_MODEL_SEED ??= String(Math.floor(systemClock().now() % 2 ** 31));
process.env.STATEVISOR_MODEL_RUNS ??= String(RUNS);
const { STATEVISOR_MODEL_SEED: seed, STATEVISOR_MODEL_RUNS: runs } = process.env;
process.stdout.write(
  `${runs} rows of moves for each model (a fifth of them where a row takes long); STATEVISOR_MODEL_SEED=${seed} repeats them.\n`,
);
const vitest = await startVitest('test', ['test/models/'], { watch: false });
await vitest.close();
