import type { Telemetry } from '../../actors/contracts/telemetry.ts';
import type { MetricRegistry } from './metric-registry.ts';
import { probeTelemetry } from './probe-metrics.ts';
import { trafficTelemetry } from './traffic-metrics.ts';

/** What the runtime tells about its own work. */

const MS_PER_SECOND = 1_000;
const APPEND_BUCKETS_S = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** A boot under emulation takes minutes. */
const EFFECT_BUCKETS_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export function runtimeTelemetry(registry: MetricRegistry): Telemetry {
  const appends = registry.count({
    name: 'statevisor_appends_total',
    help: 'Records offered to the log, by its answer.',
    labels: ['outcome'],
  });
  const appendSeconds = registry.histogram({
    name: 'statevisor_append_duration_seconds',
    help: 'Time from offering a record to the log to its answer.',
    buckets: APPEND_BUCKETS_S,
  });
  const effects = registry.count({
    name: 'statevisor_effects_total',
    help: 'Effects that have ended, by kind and by how they ended.',
    labels: ['kind', 'outcome'],
  });
  const effectSeconds = registry.histogram({
    name: 'statevisor_effect_duration_seconds',
    help: 'Time from the beginning of an effect to its end.',
    labels: ['kind'],
    buckets: EFFECT_BUCKETS_S,
  });
  return {
    ...probeTelemetry(registry),
    ...trafficTelemetry(registry),
    appended: (outcome, milliseconds) => {
      appends({ outcome });
      appendSeconds(milliseconds / MS_PER_SECOND);
    },
    effectEnded: (kind, outcome, milliseconds) => {
      effects({ kind, outcome });
      if (milliseconds !== null) effectSeconds(milliseconds / MS_PER_SECOND, { kind });
    },
  };
}
