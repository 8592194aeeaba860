import type { Telemetry } from '../../actors/contracts/telemetry.ts';
import type { MetricRegistry } from './metric-registry.ts';

/** What the runtime tells about the table of connections. */
export function trafficTelemetry(registry: MetricRegistry): Pick<Telemetry, 'trafficConfirmed' | 'trafficForgotten'> {
  const confirmed = registry.count({
    name: 'statevisor_traffic_confirmations_total',
    help: 'Times that the table of connections was read for a guest before it is put away, by what it said.',
    labels: ['answer'],
  });
  const forgotten = registry.count({
    name: 'statevisor_traffic_forgotten_total',
    help: 'Times that entries of a former guest were to be removed before a boot, by how that ended.',
    labels: ['outcome'],
  });
  return {
    trafficConfirmed: (answer) => confirmed({ answer }),
    trafficForgotten: (outcome) => forgotten({ outcome }),
  };
}
