import { expect, test } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import { type AddressKey, keysOfText } from '../../../src/adapters/conntrack/addresses.ts';
import type { KernelTable } from '../../../src/adapters/conntrack/kernel-table.ts';
import { Removals } from '../../../src/adapters/conntrack/removals.ts';

const START = Date.UTC(2026, 0, 1, 12);
const [FIRST = '', SECOND = ''] = ['10.9.0.2', '10.9.0.3'].flatMap(keysOfText);

test('what is asked for while another removal runs is not removed when its time is over by then', async () => {
  const clock = new SimulatedClock(START);
  const removed: AddressKey[] = [];
  const running = Promise.withResolvers<void>();
  const remove: KernelTable['remove'] = async (addresses, isInTime) => {
    await running.promise;
    removed.push(...addresses.filter(isInTime));
  };
  const removals = new Removals(clock, () => ({ remove }) as KernelTable);
  const first = removals.ask([FIRST], START + 10_000);
  await clock.settle();
  const second = removals.ask([SECOND], START + 1_000).catch(String);
  await clock.advance(1_000);
  running.resolve();
  await first;
  expect(await second).toContain('not removed in time');
  expect(removed).toEqual([FIRST]);
});
