import { expect, test } from 'vitest';
import { registerRestartBudget } from '../../../src/cli/daemon/restart-budget-metrics.ts';
import { createMetricRegistry } from '../../../src/projections/metrics/metric-registry.ts';
import { ON_FAILURE, runningInstance, type SimulatedHost, simulatedHost } from '../../actors/simulated-host.ts';
import { parseMetrics } from '../../projections/prometheus-text.ts';

/** Whoever scrapes the daemon sees how far the budget is used up, and how many wait for it. */

const MINUTE = 60_000;

async function gauges({ supervisor }: SimulatedHost): Promise<Record<string, number | undefined>> {
  const registry = createMetricRegistry((_, error) => {
    throw error;
  });
  registerRestartBudget(registry, supervisor);
  const families = [...parseMetrics(await registry.text())];
  return Object.fromEntries(
    families.map(([name, { samples }]) => [name.replace('statevisor_restart_budget_', ''), samples[0]?.value]),
  );
}

test('the gauges show what counts, what is allowed and who waits, and go down again by themselves', async () => {
  const host = await simulatedHost({ restartLimit: { restarts: 2, per_ms: MINUTE } });
  const ids: string[] = [];
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    ids.push(await runningInstance(host, { name, restart_policy: ON_FAILURE }));
  }
  expect(await gauges(host)).toEqual({ used: 0, limit: 2, waiting: 0 });
  for (const id of ids) await host.control.guestExit(id, 1);
  await host.clock.advance(2_000);
  expect(await gauges(host)).toEqual({ used: 2, limit: 2, waiting: 3 });
  await host.clock.advance(MINUTE);
  expect(await gauges(host)).toEqual({ used: 2, limit: 2, waiting: 1 });
  await host.clock.advance(10 * MINUTE);
  expect(await gauges(host)).toEqual({ used: 0, limit: 2, waiting: 0 });
});

test('a host without a budget shows none of them', async () => {
  expect(await gauges(await simulatedHost())).toEqual({ used: undefined, limit: undefined, waiting: undefined });
});
