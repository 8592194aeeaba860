import type { ProjectionStatus } from '../engine/projections.ts';
import type { MetricRegistry, Reading } from './metric-registry.ts';

const MS_PER_SECOND = 1_000;

/** How current projections are. */
export function registerProjectionMetrics(
  registry: MetricRegistry,
  status: () => Readonly<Record<string, ProjectionStatus>>,
): void {
  const labels = ['projection'];
  const each = (value: (one: ProjectionStatus) => number | null): Reading[] =>
    Object.entries(status()).flatMap(([projection, one]) => {
      const reading = value(one);
      return reading === null ? [] : [{ labels: { projection }, value: reading }];
    });
  registry.gauge(
    {
      name: 'statevisor_projection_lag_seconds',
      help: 'How far the newest record that is in a projection lies behind the newest one there is.',
      labels,
    },
    () => each(({ lag_ms }) => (lag_ms === null ? null : lag_ms / MS_PER_SECOND)),
  );
  registry.gauge(
    { name: 'statevisor_projection_rebuilding', help: '1 while a projection is being built from the log.', labels },
    () => each(({ rebuilding }) => Number(rebuilding)),
  );
  registry.gauge(
    { name: 'statevisor_projection_parked', help: 'Records that a projection could not take in.', labels },
    () => each(({ parked }) => parked.total),
  );
}
