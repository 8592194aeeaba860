import type { InstanceReads } from '../instances.ts';
import type { Counts, Totals } from '../totals.ts';
import type { MetricRegistry, Reading } from './metric-registry.ts';

/** What instances are and what has become of them, read off the projections. */
export function registerInstanceMetrics(registry: MetricRegistry, instances: InstanceReads, totals: Totals): void {
  registry.gauge({ name: 'statevisor_instances', help: 'Instances, by public state.', labels: ['state'] }, () =>
    readings('state', instances.tally().states),
  );
  registry.gauge({ name: 'statevisor_instances_by_phase', help: 'Instances, by phase.', labels: ['phase'] }, () =>
    readings('phase', instances.tally().phases),
  );
  registry.gauge(
    { name: 'statevisor_instances_by_health', help: 'Instances, by state of health.', labels: ['health'] },
    () => readings('health', instances.tally().health),
  );
  registry.counter(
    {
      name: 'statevisor_transitions_total',
      help: 'Records appended since the process started, by type of event.',
      labels: ['event'],
    },
    () => counted('event', totals.read().transitions),
  );
  registry.counter(
    {
      name: 'statevisor_restarts_total',
      help: 'Automatic restarts attempted, by what called for them.',
      labels: ['cause'],
    },
    () => counted('cause', totals.read().restarts),
  );
  registry.counter(
    { name: 'statevisor_restart_blocks_total', help: 'Automatic restarts given up, by reason.', labels: ['reason'] },
    () => counted('reason', totals.read().blocks),
  );
  registry.counter(
    { name: 'statevisor_health_changes_total', help: 'Changes of health, by what it became.', labels: ['to'] },
    () => counted('to', totals.read().health),
  );
  registry.counter(
    { name: 'statevisor_standby_entries_total', help: 'Times that an instance fell asleep.' },
    () => totals.read().standbys,
  );
  registry.counter(
    { name: 'statevisor_quarantines_total', help: 'Times that an instance was set aside because a rule failed on it.' },
    () => totals.read().quarantines,
  );
}

function readings(label: string, counts: Iterable<readonly [string, number]>): Reading[] {
  return [...counts].map(([key, value]) => ({ labels: { [label]: key }, value }));
}

function counted(label: string, counts: Counts): Reading[] {
  return readings(label, Object.entries(counts));
}
