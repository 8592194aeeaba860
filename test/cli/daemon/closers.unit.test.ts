/** Goal: the daemon's end is orderly and bounded. Method: parts that end well, badly and never, in simulated time. */
import { expect, test } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import { Closers, PART_CLOSE_MAX_MS } from '../../../src/cli/daemon/closers.ts';

test('parts end one after the other, the newest first', async () => {
  const order: string[] = [];
  const clock = new SimulatedClock(0);
  const closers = new Closers(clock, () => order.push('a problem'));
  closers.add(async () => order.push('log'), 'log');
  closers.add(async () => {
    await clock.turn();
    order.push('door');
  }, 'door');
  await closers.closeAll();
  await closers.closeAll();
  expect(order).toEqual(['door', 'log']);
});

test('one that fails or never ends is reported by name, and keeps no other open', async () => {
  const told: string[] = [];
  const clock = new SimulatedClock(0);
  const closers = new Closers(clock, ({ part, error }) => told.push(`${part}: ${String(error)}`));
  closers.add(async () => told.push('log ended'), 'log');
  closers.add(() => new Promise(() => {}), 'door');
  closers.add(() => Promise.reject(new Error('broken pipe')), 'nats');
  const closed = closers.closeAll();
  await clock.advance(PART_CLOSE_MAX_MS);
  await closed;
  expect(told).toEqual([
    'nats: Error: broken pipe',
    `door: Error: It has not ended within ${PART_CLOSE_MAX_MS} ms.`,
    'log ended',
  ]);
  expect(clock.nextTimerInMs()).toBeNull();
});
