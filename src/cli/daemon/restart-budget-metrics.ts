import type { Supervisor } from '../../actors/supervisor.ts';
import type { MetricRegistry } from '../../projections/metrics/metric-registry.ts';

/** How far the restart budget of the host is used up; without a budget there is nothing to show. */
export function registerRestartBudget(registry: MetricRegistry, supervisor: Pick<Supervisor, 'capacity'>): void {
  const gauge = (name: string, help: string, field: 'used' | 'limit' | 'waiting'): void =>
    registry.gauge({ name, help }, () => supervisor.capacity().restarts?.[field] ?? null);
  gauge('statevisor_restart_budget_used', 'Automatic restarts that count towards the budget of the host.', 'used');
  gauge('statevisor_restart_budget_limit', 'Automatic restarts that the budget of the host allows.', 'limit');
  gauge('statevisor_restart_budget_waiting', 'Instances that the restart budget of the host holds back.', 'waiting');
}
