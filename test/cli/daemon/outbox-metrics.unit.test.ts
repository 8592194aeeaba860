/** Goal: whoever scrapes the daemon sees when records stay where they are. Method: outboxes whose lag is given, read through the registry. */
import { expect, test } from 'vitest';
import { type MeasuredOutbox, registerOutboxMetrics } from '../../../src/cli/daemon/outbox-metrics.ts';
import { createMetricRegistry } from '../../../src/projections/metrics/metric-registry.ts';
import { parseMetrics } from '../../projections/prometheus-text.ts';

const outbox = (
  kind: MeasuredOutbox['kind'],
  records: number | null,
  age_ms: number,
  parked?: number,
): MeasuredOutbox => {
  return { kind, lag: () => ({ records, age_ms }), ...(parked === undefined ? {} : { parked: () => parked }) };
};

async function read(outboxes: readonly MeasuredOutbox[]): Promise<Record<string, Record<string, number>>> {
  const registry = createMetricRegistry((_, error) => {
    throw error;
  });
  registerOutboxMetrics(registry, outboxes);
  const families = [...parseMetrics(await registry.text())];
  return Object.fromEntries(
    families.map(([name, { samples }]) => [
      name.replace('statevisor_outbox_', ''),
      Object.fromEntries(samples.map(({ labels, value }) => [labels.kind, value])),
    ]),
  );
}

test('of several webhooks the one that is furthest behind counts, and all that they parked', async () => {
  const outboxes = [outbox('records', 7, 1_500), outbox('webhook', 2, 90_000, 3), outbox('webhook', 40, 0, 4)];
  expect(await read(outboxes)).toEqual({
    lag_records: { records: 7, webhook: 40 },
    lag_seconds: { records: 1.5, webhook: 90 },
    parked: { webhook: 7 },
  });
});

test('a lag that nobody knows is left out, and so are outboxes that there are none of', async () => {
  expect(await read([outbox('records', null, 0)])).toEqual({
    lag_records: {},
    lag_seconds: { records: 0 },
    parked: {},
  });
  expect(await read([])).toEqual({ lag_records: {}, lag_seconds: {}, parked: {} });
});
