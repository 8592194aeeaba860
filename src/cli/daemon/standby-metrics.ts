import type { ActivitySource, ObserverStatus } from '../../actors/contracts/activity.ts';
import type { Supervisor } from '../../actors/supervisor.ts';
import type { MetricRegistry } from '../../projections/metrics/metric-registry.ts';

/** What is known of the source of traffic, and who waits to be put away. */

const MS_PER_SECOND = 1_000;
const DUMP_BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

const COUNTERS = {
  events: 'Messages about connections that the kernel has sent.',
  losses: 'Times that messages about connections were missed.',
  garbage: 'Messages about connections that could not be understood.',
  resyncs: 'Times that the table of connections was read anew because something was missed.',
  dumps: 'Times that the table of connections was read.',
} as const satisfies { readonly [K in keyof ObserverStatus]?: string };

/** Without a source there is nothing to show. Answers what takes in a dump whenever one may have been read. */
export function registerObserver(metrics: MetricRegistry, source: ActivitySource): () => void {
  const inOrder =
    '1 while what is known of connections is in order; while it is 0 no guest is put away for being idle.';
  metrics.gauge({ name: 'statevisor_observer_in_order', help: inOrder }, () =>
    source.status().state === 'in_order' ? 1 : 0,
  );
  const entries = 'Entries of the table of connections when it was read last.';
  metrics.gauge({ name: 'statevisor_observer_entries', help: entries }, () => source.status().entries);
  for (const [count, help] of Object.entries(COUNTERS)) {
    metrics.counter({ name: `statevisor_observer_${count}_total`, help }, () => {
      return source.status()[count as keyof typeof COUNTERS];
    });
  }
  const observe = metrics.histogram({
    name: 'statevisor_observer_dump_duration_seconds',
    help: 'Time that reading the table of connections took; of several in one second only the last is counted.',
    buckets: DUMP_BUCKETS_S,
  });
  let seen = 0;
  return () => {
    const { dumps, last_dump_ms } = source.status();
    if (dumps === seen) return;
    seen = dumps;
    if (last_dump_ms !== null) observe(last_dump_ms / MS_PER_SECOND);
  };
}

export function registerStandbySlots(metrics: MetricRegistry, supervisor: Pick<Supervisor, 'capacity'>): void {
  const gauge = (name: string, help: string, read: () => number | null): void => metrics.gauge({ name, help }, read);
  const { capacity } = supervisor;
  gauge('statevisor_standby_slots_used', 'Guests that are being put away or saved.', () => capacity().standbys.used);
  gauge(
    'statevisor_standby_slots_limit',
    'Guests that may be put away or saved at once.',
    () => capacity().standbys.limit,
  );
  gauge('statevisor_standby_slots_waiting', 'Guests that wait for their turn to be put away.', () => {
    return capacity().held.filter(({ purpose }) => purpose === 'standby').length;
  });
  gauge('statevisor_scheduled_snapshots_waiting', 'Scheduled snapshots that wait for their turn.', () => {
    return capacity().held.filter(({ purpose }) => purpose === 'snapshot').length;
  });
}
