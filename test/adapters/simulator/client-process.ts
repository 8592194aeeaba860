import { systemClock } from '../../../src/actors/clock.ts';
import { createSimulator } from '../../../src/adapters/simulator/simulator.ts';
import { worldProgram } from '../../../src/cli/simulator-world.ts';
import { wanted } from '../../contracts/hypervisor.world.ts';
import { specOf } from './simulator-worlds.ts';

/**
 * A client of a simulated world that is there to be killed: boots run 1 of each instance named after the directory,
 * writes a line of JSON with their pids, and then goes on booting run 1 of further instances until it is gone.
 */
const [directory = '', ...instances] = process.argv.slice(2);
const hypervisor = createSimulator({ world: { directory, program: worldProgram }, clock: systemClock() });
const pids: (number | null)[] = [];
for (const instance of instances) {
  const outcome = await hypervisor.boot(specOf({ instance, run: 1 }), wanted());
  pids.push(outcome.outcome === 'done' ? outcome.result.pid : null);
}
process.stdout.write(`${JSON.stringify(pids)}\n`);
for (let number = 1; ; number++) {
  await hypervisor.boot(specOf({ instance: `more-${number}`, run: 1 }), wanted(`more-${number}/1/0`));
}
