import { expect, test } from 'vitest';
import { createMetricRegistry } from '../../src/projections/metrics/metric-registry.ts';
import { sleepMetrics } from '../../src/projections/metrics/sleep-metrics.ts';
import { OPERATOR, runningInstance, simulatedHost } from '../actors/simulated-host.ts';

const by = OPERATOR.actor;
const SAVING_MS = 2_000;

test('standbys and restores are counted by how they ended, and those that came to their end are timed', async () => {
  const metrics = createMetricRegistry(() => {});
  const take = sleepMetrics(metrics);
  const host = await simulatedHost({ onRecord: take });
  const id = await runningInstance(host);
  await host.control.setFault(id, 'snapshot', { slow: SAVING_MS });
  const tell = async (type: 'standby' | 'restore' | 'start', waitMs: number): Promise<void> => {
    await host.supervisor.command(id, { type, by }, OPERATOR);
    await host.clock.advance(waitMs);
  };
  await tell('standby', 10_000);
  await tell('restore', 10_000);
  await tell('standby', SAVING_MS / 2);
  await tell('start', 10_000);
  await tell('standby', SAVING_MS / 2);
  await host.control.sigkill(id);
  await host.clock.advance(10_000);
  const text = await metrics.text();
  const lines = text.split('\n').filter((line) => /_total\{|_count|_sum/.test(line));
  expect(lines).toEqual(
    expect.arrayContaining([
      'statevisor_standbys_total{outcome="done"} 1',
      'statevisor_standbys_total{outcome="abandoned"} 1',
      'statevisor_standbys_total{outcome="ended"} 1',
      'statevisor_restores_total{outcome="done"} 1',
      'statevisor_standby_duration_seconds_count 1',
      'statevisor_restore_duration_seconds_count 1',
    ]),
  );
  const slept = Number(/statevisor_standby_duration_seconds_sum (\S+)/.exec(text)![1]);
  expect(slept).toBeGreaterThanOrEqual(SAVING_MS / 1_000);
});

test('a standby in which a rule threw ends there: the time of the next one counts from its own beginning', async () => {
  const metrics = createMetricRegistry(() => {});
  const host = await simulatedHost({ onRecord: sleepMetrics(metrics) });
  const id = await runningInstance(host);
  await host.control.setFault(id, 'snapshot', { slow: SAVING_MS });
  await host.supervisor.command(id, { type: 'standby', by }, OPERATOR);
  await host.clock.advance(SAVING_MS / 2);
  host.supervisor.observe(id, { type: 'instance.quarantined', error: 'a rule threw' });
  await host.clock.advance(3_600_000);
  for (const type of ['start', 'standby'] as const) {
    await host.supervisor.command(id, { type, by }, OPERATOR);
    await host.clock.advance(60_000);
  }
  const text = await metrics.text();
  expect(text).toContain('statevisor_standbys_total{outcome="abandoned"} 1');
  expect(text).toContain('statevisor_standbys_total{outcome="done"} 1');
  expect(Number(/statevisor_standby_duration_seconds_sum (\S+)/.exec(text)![1])).toBeLessThan(60);
});
