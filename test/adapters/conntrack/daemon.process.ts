import { systemClock } from '../../../src/actors/clock.ts';
import { createConntrack } from '../../../src/adapters/conntrack/conntrack.ts';
import { collectorProgram } from '../../../src/cli/conntrack-collector.ts';
import { GUEST } from '../../contracts/activity.world.ts';

/** Stands for a daemon: says which process collects for it, and then, told to `stay`, does nothing; else it has nothing left to do. */
const source = createConntrack({ clock: systemClock(), program: collectorProgram });
source.watch(GUEST, () => undefined);
await source.confirm(GUEST);
process.stdout.write(`${source.collectorPid()}\n`);
if (process.argv.includes('stay')) process.stdin.resume();
