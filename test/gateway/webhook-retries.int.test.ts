/** Goal: attempts at a receiver that is down grow apart and end. Method: simulated time, and a port where nobody listens. */
import { expect, test } from 'vitest';
import { SimulatedClock, seededRandom } from '../../src/actors/clock.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { webhooksOption } from '../../src/gateway/webhooks/options.ts';
import {
  createWebhookDestination,
  WEBHOOK_ATTEMPTS_MAX,
  WEBHOOK_RETRY_MAX_MS,
  WEBHOOK_RETRY_MIN_MS,
} from '../../src/gateway/webhooks/webhook-destination.ts';
import { until } from '../cli/daemon-process.ts';
import { RecordWriter } from './outbox-world.ts';
import { startReceiver } from './webhook-receiver.ts';

const LIMIT_MS = 30_000;

test('each attempt waits up to twice as long as the one before, until the notice is parked', async () => {
  const receiver = await startReceiver(() => '');
  await receiver.close();
  const clock = new SimulatedClock(Date.UTC(2026, 0, 1));
  const log = createMemoryLog();
  await new RecordWriter(log).append('web', 'vmm.exited', { facts: [{ type: 'instance.lost', run: 1, message: '' }] });
  const destination = createWebhookDestination({
    webhook: webhooksOption.parse(receiver.url)[0]!,
    host: 'host-1',
    version: '1.2.3',
    nameOf: () => null,
    secret: () => 'secret',
    clock,
    random: seededRandom(11, clock),
    tell: () => {},
  });
  const delivering = destination.deliver((await log.head('web'))!, new AbortController().signal);
  const delays: number[] = [];
  for (let attempt = 1; attempt < WEBHOOK_ATTEMPTS_MAX; attempt++) {
    const isWaiting = () => destination.status().attempt === attempt && destination.status().state === 'retrying';
    await until(isWaiting, Boolean, LIMIT_MS);
    const delayMs = Date.parse(destination.status().next_attempt_at!) - clock.now();
    delays.push(delayMs);
    await clock.advance(delayMs);
  }
  await delivering;
  expect(destination.status()).toMatchObject({ state: 'idle', delivered: 0, parked: 1 });
  delays.forEach((delayMs, index) => {
    const whole = Math.min(WEBHOOK_RETRY_MIN_MS * 2 ** index, WEBHOOK_RETRY_MAX_MS);
    expect(delayMs).toBeGreaterThanOrEqual(whole / 2);
    expect(delayMs).toBeLessThanOrEqual(whole);
  });
  expect(new Set(delays.map((delayMs, index) => delayMs / 2 ** index)).size).toBeGreaterThan(delays.length / 2);
});
