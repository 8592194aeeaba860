import { tmpdir } from 'node:os';
import { machineFacts, machineLoad } from './machine-facts.ts';
import { type BenchOptions, type Row, shown, verdictOf } from './measure.ts';
import { bootAfterEnd } from './rows/boot-after-end.ts';
import { conntrack } from './rows/conntrack.ts';
import { durableTransitions } from './rows/durable-transitions.ts';
import { httpProbe } from './rows/http-probe.ts';
import { idleEdge } from './rows/idle-edge.ts';
import { lists } from './rows/lists.ts';
import { memoryPerInstance } from './rows/memory.ts';
import { natsCommand } from './rows/nats-command.ts';
import { probes } from './rows/probes.ts';
import { projectionRebuild } from './rows/projection-rebuild.ts';
import { recovery } from './rows/recovery.ts';
import { restartStorm } from './rows/restart-storm.ts';
import { retention } from './rows/retention.ts';
import { standby } from './rows/standby.ts';
import { stepCost } from './rows/step-cost.ts';
import { telemetryCost } from './rows/telemetry.ts';

/**
 * `npm run bench [-- --quick] [--dir DIRECTORY] [ROW ...]`: what the project measures of itself, each as a ratio to a
 * baseline of the same run. Exits with 1 when a row cannot be measured, or is grossly off its
 * aim, twice.
 */
const ROWS: Readonly<Record<string, (options: BenchOptions) => Promise<Row[]>>> = {
  step: stepCost,
  memory: memoryPerInstance,
  transitions: durableTransitions,
  recovery,
  retention,
  boot: bootAfterEnd,
  storm: restartStorm,
  standby,
  'http-probe': httpProbe,
  nats: natsCommand,
  'projection-rebuild': projectionRebuild,
  lists,
  telemetry: telemetryCost,
  conntrack,
  probes,
  'idle-edge': idleEdge,
};

function show(row: Row): string {
  const bound = row.aim.bound === 'at_least' ? '≥' : '≤';
  return [
    `${row.name}: ${shown(row.ratio)} (aim ${bound} ${row.aim.value}) ${verdictOf(row)}`,
    `    ${row.measured}`,
    `    against ${row.baseline}`,
  ].join('\n');
}

/** Measures a row and shows it. Something else that is busy for a moment makes one measure broken, and not two. */
async function isBroken(name: string, measure: () => Promise<Row[]>): Promise<boolean> {
  try {
    const rows = await measure();
    for (const row of rows) console.log(`\n${show(row)}`);
    return rows.some((row) => verdictOf(row) === 'broken');
  } catch (error) {
    console.log(`\n${name}: could not be measured`);
    console.error(error);
    return true;
  }
}

async function run(args: readonly string[]): Promise<number> {
  const at = args.indexOf('--dir');
  const directory = at < 0 ? tmpdir() : (args[at + 1] ?? tmpdir());
  const options: BenchOptions = { quick: args.includes('--quick'), directory };
  const names = args.filter((arg, index) => !arg.startsWith('--') && (at < 0 || index !== at + 1));
  console.log(machineFacts(directory).join('\n'));
  let broken = 0;
  for (const [name, measure] of Object.entries(ROWS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    if (await isBroken(name, () => measure(options))) {
      console.log(`\n${name} is measured once more: ${machineLoad()}`);
      if (await isBroken(name, () => measure(options))) broken += 1;
    }
  }
  return broken === 0 ? 0 : 1;
}

process.exitCode = await run(process.argv.slice(2));
