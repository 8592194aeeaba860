import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { SupervisorStatus } from '../../actors/supervisor.ts';
import type { MetricRegistry } from '../../projections/metrics/metric-registry.ts';

const DELAY_RESOLUTION_MS = 10;
const NS_PER_SECOND = 1e9;
const US_PER_SECOND = 1e6;
const P99 = 99;

/** The process itself. Answers the way to stop looking at its event loop. */
export function registerProcessMetrics(registry: MetricRegistry): () => void {
  registry.gauge({ name: 'statevisor_process_resident_memory_bytes', help: 'Resident memory of the daemon.' }, () =>
    process.memoryUsage.rss(),
  );
  registry.counter({ name: 'statevisor_process_cpu_seconds_total', help: 'Processor time of the daemon.' }, () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / US_PER_SECOND;
  });
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  delay.enable();
  registry.gauge(
    {
      name: 'statevisor_event_loop_delay_seconds',
      help: 'How much too late the event loop came to its timers since the look before.',
      labels: ['quantile'],
    },
    () => {
      const late = (ns: number): number => Math.max(0, ns / NS_PER_SECOND - DELAY_RESOLUTION_MS / 1_000) || 0;
      const readings = [
        { labels: { quantile: '0.5' }, value: late(delay.percentile(50)) },
        { labels: { quantile: '0.99' }, value: late(delay.percentile(P99)) },
        { labels: { quantile: '1' }, value: late(delay.max) },
      ];
      delay.reset();
      return readings;
    },
  );
  return () => delay.disable();
}

/** What the runtime has in hand at the moment. */
export function registerSupervisorMetrics(registry: MetricRegistry, status: () => SupervisorStatus): void {
  registry.gauge(
    { name: 'statevisor_resident_instances', help: 'Instances whose actors are in memory.' },
    () => status().resident,
  );
  registry.gauge({ name: 'statevisor_timers_pending', help: 'Timers that are armed.' }, () => status().timers);
  registry.gauge(
    { name: 'statevisor_mailbox_letters', help: 'Letters that wait in all mailboxes together.' },
    () => status().mailboxes.waiting,
  );
  registry.gauge(
    { name: 'statevisor_mailbox_letters_max', help: 'Letters that wait in the fullest mailbox.' },
    () => status().mailboxes.fullest,
  );
  registry.gauge(
    { name: 'statevisor_probes_in_flight', help: 'Probes of guests that have not ended.' },
    () => status().probing.in_flight,
  );
  registry.gauge(
    { name: 'statevisor_probes_waiting', help: 'Probes that are due and wait for a place.' },
    () => status().probing.waiting,
  );
}
