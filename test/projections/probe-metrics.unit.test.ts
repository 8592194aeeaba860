/** Goal: the metrics of probes and of health tell what has happened. Method: the runtime in simulated time, read as text. */
import { expect, test } from 'vitest';
import type { ProbeResult } from '../../src/actors/contracts/probe.ts';
import { registerInstanceMetrics } from '../../src/projections/metrics/instance-metrics.ts';
import { createMetricRegistry } from '../../src/projections/metrics/metric-registry.ts';
import { runtimeTelemetry } from '../../src/projections/metrics/runtime-metrics.ts';
import { CHECK } from '../actors/probing/probing-scene.ts';
import { OPERATOR, runningInstance, simulatedHost } from '../actors/simulated-host.ts';
import { parseMetrics } from './prometheus-text.ts';

const NO_TOTALS = { transitions: {}, restarts: {}, blocks: {}, health: {}, standbys: 0, quarantines: 0 };

async function measuredHost(answer: () => Promise<ProbeResult>) {
  const metrics = createMetricRegistry((name, error) => {
    throw new Error(`${name} could not be read`, { cause: error });
  });
  const host = await simulatedHost({ telemetry: runtimeTelemetry(metrics), prober: { probe: answer } });
  registerInstanceMetrics(metrics, host.instances, { read: () => NO_TOTALS } as never);
  const read = async (name: string): Promise<Record<string, number>> => {
    const samples = parseMetrics(await metrics.text()).get(`statevisor_${name}`)?.samples ?? [];
    return Object.fromEntries(samples.map(({ labels, value }) => [Object.values(labels).join(' '), value]));
  };
  return { host, read, metrics };
}

test('probes are counted by kind and result, with how long they took and how late they were', async () => {
  const results: ProbeResult[] = [
    { result: 'passed' },
    { result: 'failed', error: 'refused' },
    { result: 'unavailable', error: 'no agent' },
    { result: 'passed' },
  ];
  const { host, metrics, read } = await measuredHost(async () => results.shift()!);
  await runningInstance(host, { health_check: CHECK });
  await host.clock.advance(29_000);
  expect(await read('probes_total')).toEqual({ 'http passed': 2, 'http failed': 1, 'http unavailable': 1 });
  const lines = (await metrics.text()).split('\n');
  expect(lines).toContain('statevisor_probe_duration_seconds_count{kind="http"} 4');
  expect(lines).toContain('statevisor_probe_lateness_seconds_count 4');
  expect(lines).toContain('statevisor_probe_lateness_seconds_sum 0');
  expect(await read('probes_missed_total')).toEqual({ '': 0 });
});

test('probes that could not be started are counted each, though they are told as one', async () => {
  const { host, read } = await measuredHost(async () => ({ result: 'passed' }));
  await runningInstance(host, { health_check: CHECK });
  await host.clock.advance(5_000);
  host.clock.stall(40_000);
  await host.clock.advance(10_000);
  expect(await read('probes_missed_total')).toEqual({ '': 4 });
  expect(await read('probes_total')).toMatchObject({ 'http unavailable': 1 });
});

test('instances are counted by state of health, each state at all times', async () => {
  const answers: ProbeResult[] = [{ result: 'passed' }];
  const { host, read } = await measuredHost(async () => answers[0]!);
  const none = { disabled: 0, starting: 0, healthy: 0, unhealthy: 0, unknown: 0 };
  expect(await read('instances_by_health')).toEqual(none);
  const id = await runningInstance(host, { health_check: CHECK, name: 'checked' });
  await runningInstance(host, { name: 'unchecked' });
  await host.clock.advance(10_000);
  expect(await read('instances_by_health')).toEqual({ ...none, disabled: 1, healthy: 1 });
  answers[0] = { result: 'failed', error: 'refused' };
  await host.clock.advance(30_000);
  expect(await read('instances_by_health')).toEqual({ ...none, disabled: 1, unhealthy: 1 });
  await host.supervisor.command(id, { type: 'stop', by: 'ada' }, OPERATOR);
  await host.clock.advance(10_000);
  expect(await read('instances_by_health')).toEqual({ ...none, disabled: 1, unknown: 1 });
});
