import type { Telemetry } from '../../actors/contracts/telemetry.ts';
import type { MetricRegistry } from './metric-registry.ts';

/** What the runtime tells of its probes. */

const MS_PER_SECOND = 1_000;
const LATENESS_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

type ProbeTelemetry = Pick<Telemetry, 'probeStarted' | 'probed' | 'probesMissed'>;

export function probeTelemetry(registry: MetricRegistry): ProbeTelemetry {
  const probes = registry.count({
    name: 'statevisor_probes_total',
    help: 'Probes of guests that have ended, by kind and result.',
    labels: ['kind', 'result'],
  });
  const seconds = registry.histogram({
    name: 'statevisor_probe_duration_seconds',
    help: 'Time from asking a guest to its answer or to the timeout.',
    labels: ['kind'],
    buckets: DURATION_BUCKETS_S,
  });
  const lateness = registry.histogram({
    name: 'statevisor_probe_lateness_seconds',
    help: 'How much later than due a guest was asked.',
    buckets: LATENESS_BUCKETS_S,
  });
  let missed = 0;
  registry.counter(
    { name: 'statevisor_probes_missed_total', help: 'Probes that were due and could not be started in time.' },
    () => missed,
  );
  return {
    probeStarted: (lateMs) => lateness(lateMs / MS_PER_SECOND),
    probed: (kind, result, milliseconds) => {
      probes({ kind, result });
      if (milliseconds !== null) seconds(milliseconds / MS_PER_SECOND, { kind });
    },
    probesMissed: (count) => {
      missed += count;
    },
  };
}
