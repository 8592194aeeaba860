/** Goal: one metric that cannot be read costs no other, and what is not known is not shown. Method: a registry of its own, read as text. */
import { expect, test } from 'vitest';
import { createMetricRegistry, type ReadMetric } from '../../src/projections/metrics/metric-registry.ts';
import { parseMetrics } from './prometheus-text.ts';

const about = (name: string): { name: string; help: string } => ({
  name: `statevisor_${name}`,
  help: 'For this test.',
});

function registry(): ReturnType<typeof createMetricRegistry> & { readonly problems: string[] } {
  const problems: string[] = [];
  return { ...createMetricRegistry((name, error) => problems.push(`${name}: ${String(error)}`)), problems };
}

async function valuesOf(read: ReturnType<typeof createMetricRegistry>, name: string): Promise<unknown> {
  return parseMetrics(await read.text())
    .get(`statevisor_${name}`)
    ?.samples.map(({ value }) => value);
}

test('a metric is read at every look, and shows nothing while it is not known', async () => {
  const metrics = registry();
  let now: number | null = 3;
  metrics.gauge(about('known'), () => now);
  metrics.counter(about('counted_total'), () => now);
  expect([await valuesOf(metrics, 'known'), await valuesOf(metrics, 'counted_total')]).toEqual([[3], [3]]);
  now = null;
  expect([await valuesOf(metrics, 'known'), await valuesOf(metrics, 'counted_total')]).toEqual([[], []]);
  now = 4;
  expect([await valuesOf(metrics, 'known'), await valuesOf(metrics, 'counted_total')]).toEqual([[4], [4]]);
});

test.for<[string, ReadMetric]>([
  [
    'throws',
    () => {
      throw new Error('no disk');
    },
  ],
  ['rejects', () => Promise.reject(new Error('no disk'))],
])('one whose reading %s is left out and reported, and the others are shown', async ([, read]) => {
  const metrics = registry();
  metrics.gauge(about('broken'), read);
  metrics.gauge(about('whole'), async () => 1);
  expect([await valuesOf(metrics, 'broken'), await valuesOf(metrics, 'whole')]).toEqual([[], [1]]);
  expect(metrics.problems).toEqual(Array(2).fill('statevisor_broken: Error: no disk'));
});

test('values with labels that are gone at the next look are gone', async () => {
  const metrics = registry();
  let states = ['a', 'b'];
  const read = () => states.map((state) => ({ labels: { state }, value: 1 }));
  metrics.gauge({ ...about('states'), labels: ['state'] }, read);
  expect(await valuesOf(metrics, 'states')).toEqual([1, 1]);
  states = ['b'];
  expect(await valuesOf(metrics, 'states')).toEqual([1]);
});

test('two metrics of one name are refused', () => {
  const metrics = registry();
  metrics.gauge(about('twice'), () => 1);
  expect(() => metrics.gauge(about('twice'), () => 2)).toThrow('twice');
});

test('observations fall into the buckets that hold them', async () => {
  const metrics = registry();
  const observe = metrics.histogram({ ...about('took_seconds'), buckets: [0.1, 1] });
  for (const seconds of [0.05, 0.1, 0.5, 2]) observe(seconds);
  const { samples } = parseMetrics(await metrics.text()).get('statevisor_took_seconds')!;
  expect(samples.map(({ labels, value }) => `${labels.le ?? ''} ${value}`)).toEqual([
    '0.1 2',
    '1 3',
    '+Inf 4',
    ' 2.65',
    ' 4',
  ]);
});
