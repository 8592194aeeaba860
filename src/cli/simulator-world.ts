import { fileURLToPath } from 'node:url';
import { systemClock, systemRandom } from '../actors/clock.ts';
import { hostWorld } from '../adapters/simulator/world-process.ts';

/** Path of this program: it hosts the simulated world of the data directory named by its only argument. */
export const worldProgram = fileURLToPath(import.meta.url);

/** Lines this program writes about its clients' connections; then it is silent, so that its log stays small. */
const CLIENT_ERRORS_MAX = 1_000;

if (import.meta.main) {
  const directory = process.argv[2];
  if (directory === undefined) throw new Error('usage: simulator-world DIR');
  let errors = 0;
  const onEnd = (): void => process.exit(0);
  const onClientError = (error: Error): void => {
    if (errors++ < CLIENT_ERRORS_MAX) process.stderr.write(`${error.stack ?? error.message}\n`);
  };
  const hosting = await hostWorld({ directory, clock: systemClock(), random: systemRandom(), onEnd, onClientError });
  // Whoever started this one finds the process that hosts the world, or starts another.
  if (!hosting) process.exit(0);
}
