import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { PROJECTIONS } from '../../src/projections/all-projections.ts';
import { createProjections } from '../../src/projections/engine/projections.ts';
import { createMetricRegistry } from '../../src/projections/metrics/metric-registry.ts';
import { runtimeTelemetry } from '../../src/projections/metrics/runtime-metrics.ts';
import { type BenchOptions, clock, median, type Row, shown } from '../measure.ts';
import { createFleet } from '../workload.ts';

const TELEMETRY_AIM = 1.1;
const PROJECTIONS_AIM = 1.5;
const IN_FLIGHT = 100;
const TRANSITIONS = 20_000;
const QUICK_TRANSITIONS = 5_000;
const ROUNDS = 9;
const QUICK_ROUNDS = 5;

type More = NonNullable<Parameters<typeof createFleet>[2]>;

/** Microseconds of processor time of one transition over a log that costs nothing. */
async function transitionUs(count: number, more: More): Promise<number> {
  const fleet = await createFleet(createMemoryLog(), IN_FLIGHT, more);
  await fleet.transitions(count);
  await fleet.rest();
  const before = process.cpuUsage();
  await fleet.transitions(count);
  const { user, system } = process.cpuUsage(before);
  await fleet.rest();
  await fleet.supervisor.close();
  return (user + system) / count;
}

/** What measuring the runtime costs it, and what the read models do: both are called for every record. */
export async function telemetryCost({ quick }: BenchOptions): Promise<Row[]> {
  const count = quick ? QUICK_TRANSITIONS : TRANSITIONS;
  const rounds: { bare: number; measured: number; projected: number }[] = [];
  for (let n = 0; n < (quick ? QUICK_ROUNDS : ROUNDS); n++) {
    const log = createMemoryLog();
    const projections = await createProjections(PROJECTIONS, { log, clock, report: () => {} });
    await projections.rebuild(['timeline', 'durations']);
    rounds.push({
      bare: await transitionUs(count, {}),
      measured: await transitionUs(count, { telemetry: runtimeTelemetry(createMetricRegistry(() => {})) }),
      projected: await transitionUs(count, { onRecord: projections.take }),
    });
  }
  const of = (key: keyof (typeof rounds)[number]): number => median(rounds.map((round) => round[key]));
  const baseline = `without ${shown(of('bare'))} µs`;
  return [
    {
      name: 'processor time of a transition, measured / not measured',
      measured: `${shown(of('measured'))} µs`,
      baseline,
      ratio: median(rounds.map(({ measured, bare }) => measured / bare)),
      aim: { bound: 'at_most', value: TELEMETRY_AIM },
    },
    {
      name: 'processor time of a transition, with all projections / without',
      measured: `${shown(of('projected'))} µs`,
      baseline,
      ratio: median(rounds.map(({ projected, bare }) => projected / bare)),
      aim: { bound: 'at_most', value: PROJECTIONS_AIM },
    },
  ];
}
