/** Goal: what the host says of itself can be read: sizes, spans and instants in their words, parts of parts on lines of their own. */
import { expect, test } from 'vitest';
import { hostRows } from '../../src/cli/host-words.ts';

test.each([
  ['a text is as it is', { host: 'alpha' }, ['host', 'alpha']],
  ['a part of a part has a line of its own', { log: { disk: { level: 'enough' } } }, ['log.disk.level', 'enough']],
  ['a size that is not round is rounded', { log: { bytes: 12_911_000 } }, ['log.bytes', '12.3MB']],
  ['a small one too', { log: { reusable_bytes: 1_500 } }, ['log.reusable_bytes', '1.5KB']],
  ['and one below a kilobyte', { log: { bytes: 17 } }, ['log.bytes', '17B']],
  ['nothing is nothing', { log: { bytes: 0 } }, ['log.bytes', '0B']],
  ['growth is a size', { log: { bytes_per_day: 3 * 1024 ** 3 } }, ['log.bytes_per_day', '3GB']],
  ['a use is told of its limit', { memory_bytes: { used: 0, limit: 2 ** 33 } }, ['memory_bytes', '0B of 8GB']],
  ['or that there is none', { vcpus: { used: 3, limit: null } }, ['vcpus', '3, no limit']],
  ['a short span has tenths', { observer: { last_dump_ms: 0.81349 } }, ['observer.last_dump_ms', '0.8ms']],
  ['a long one is in hours', { retention: { keep_ms: 2_592_000_000 } }, ['retention.keep_ms', '720h0m0s']],
  ['an instant is a time', { log: { oldest_at: 1_767_268_800_000 } }, ['log.oldest_at', '2026-01-01T12:00:00.000Z']],
  ['what is not known is a dash', { log: { days_left: null } }, ['log.days_left', '-']],
  ['an empty list is none', { network: { problems: [] } }, ['network.problems', 'none']],
  ['a list of texts is a list', { nats: { servers: ['a', 'b'] } }, ['nats.servers', 'a, b']],
  ['any other list is as it is', { webhooks: [{ lag: 1 }] }, ['webhooks', '[{"lag":1}]']],
  ['a number of things is a number', { instances: 7 }, ['instances', '7']],
  ['an answer is yes or no as it is written', { log: { reachable: true } }, ['log.reachable', 'true']],
] as const)('%s', (_rule, view, row) => {
  expect(hostRows(view)).toEqual([row]);
});
