/** Goal: what the host says of itself can be read: a page, with sizes, spans and instants in their words. */
import { describe, expect, test } from 'vitest';
import { hostRows } from '../../src/cli/host-words.ts';

test.each([
  ['a text is as it is', { host: 'alpha' }, ['host', 'alpha']],
  ['a part of a part is named in full', { log: { disk: { level: 'enough' } } }, ['log', 'disk.level enough']],
  ['a size that is not round is rounded', { log: { bytes: 12_911_000 } }, ['log', 'bytes 12.3MB']],
  ['a small one too', { log: { reusable_bytes: 1_500 } }, ['log', 'reusable_bytes 1.5KB']],
  ['and one below a kilobyte', { log: { bytes: 17 } }, ['log', 'bytes 17B']],
  ['nothing is nothing', { log: { bytes: 0 } }, ['log', 'bytes 0B']],
  ['growth is a size', { log: { bytes_per_day: 3 * 1024 ** 3 } }, ['log', 'bytes_per_day 3GB']],
  ['a use is told of its limit', { memory_bytes: { used: 0, limit: 2 ** 33 } }, ['memory_bytes', '0B of 8GB']],
  ['or that there is none', { vcpus: { used: 3, limit: null } }, ['vcpus', '3, no limit']],
  ['a short span has tenths', { observer: { last_dump_ms: 0.81349 } }, ['observer', 'last_dump_ms 0.8ms']],
  ['a long one is in hours', { retention: { keep_ms: 2_592_000_000 } }, ['retention', 'keep_ms 720h0m0s']],
  ['an instant is a time', { log: { oldest_at: 1_767_268_800_000 } }, ['log', 'oldest_at 2026-01-01T12:00:00.000Z']],
  ['what is not known is left out', { log: { name: 'sqlite', days_left: null } }, ['log', 'name sqlite']],
  ['unless it is all there is', { network: { bridge: null } }, ['network', 'bridge -']],
  ['an empty list is none', { network: { problems: [] } }, ['network', 'problems none']],
  ['a list of texts is a list', { nats: { servers: ['a', 'b'] } }, ['nats', 'servers a, b']],
  ['each of several things has a line', { webhooks: [{ lag: 1 }] }, ['webhooks', 'lag 1']],
  ['a number of things is a number', { instances: 7 }, ['instances', '7']],
  ['an answer is yes or no as it is written', { log: { reachable: true } }, ['log', 'reachable true']],
  [
    'what is used has a line for each thing',
    { capacity: { boots: { used: 1, limit: 4 } } },
    ['capacity.boots', '1 of 4'],
  ],
] as const)('%s', (_rule, view, row) => {
  expect(hostRows(view)).toEqual([row]);
});

test('a part that is too long for a line goes on in the next, under the same name', () => {
  const words = 'x'.repeat(60);
  expect(hostRows({ log: { name: words, message: words } })).toEqual([
    ['log', `name ${words}`],
    ['', `message ${words}`],
  ]);
});

describe('of read models', () => {
  const fine = { version: 1, position: '7', lag_ms: 0, rebuilding: false, parked: { total: 0, first: [] } };
  const rows = (more: object): string[][] =>
    hostRows({ projections: { instances: fine, totals: { ...fine, ...more } } });

  test('is said how many are current', () => expect(rows({})).toEqual([['projections', '2 current']]));

  test.each([
    [{ lag_ms: 1_500 }, 'totals is behind by 1.5s'],
    [{ lag_ms: null, rebuilding: true }, 'totals is being built, has read nothing yet'],
    [{ parked: { total: 2, first: [] } }, 'totals has parked 2'],
  ])('one that is not is named with what is the matter: %j', (more, told) => {
    expect(rows(more)).toEqual([['projections', `1 current; ${told}`]]);
  });
});
