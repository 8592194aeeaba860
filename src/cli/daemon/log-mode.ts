import type { Log } from '../../actors/contracts/log.ts';
import type { HostSections } from '../../gateway/host-sections.ts';
import { toRfc3339 } from '../../projections/instants.ts';
import type { MetricRegistry } from '../../projections/metrics/metric-registry.ts';

/** Shows which log the host has, what it survives and in which mode it is: as the section `log` and as a metric. */
export function showLogMode(
  log: Log,
  { name, sections, metrics }: { name: string; sections: HostSections; metrics: MetricRegistry },
): void {
  sections.add('log', () => {
    const { mode, reachable, since, message } = log.state();
    return { name, survives: log.survives, mode, reachable, since: since === null ? null : toRfc3339(since), message };
  });
  const help = '1 while the log can be reached; while it is 0 nothing is decided and commands are refused.';
  metrics.gauge({ name: 'statevisor_log_reachable', help }, () => (log.state().reachable ? 1 : 0));
}
