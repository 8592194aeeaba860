/**
 * Goal: whoever asks is told where an instance stands on its way to sleep, and a hold that means nothing is refused by the
 * name of its field. Method: the simulator, in simulated time.
 */
import { afterEach, expect, test } from 'vitest';
import type { StandbyReport } from '../../src/gateway/use-cases/standby-status.ts';
import { gatewayScene, OPERATOR, type Scene } from './gateway-scene.ts';

const POLICY = { auto_standby: { enabled: true, idle_timeout: '10m' } };
const MINUTE_MS = 60_000;

let scene: Scene;
afterEach(() => scene.close());

const report = async (id: string): Promise<StandbyReport> =>
  (await scene.useCases.auto_standby_status({ id }, OPERATOR)).body as StandbyReport;

test('who waits for a turn is told so: since when, for what, and when it is asked again', async () => {
  scene = await gatewayScene({}, { standbyAtOnce: 1 });
  const first = await scene.running('first', POLICY);
  await scene.running('second', POLICY);
  await scene.control.setFault(first, 'snapshot', { slow: 5_000 });
  await scene.clock.advance(10 * MINUTE_MS + 1_000);
  const told = await report('second');
  expect(told).toMatchObject({
    status: 'standby_requested',
    reason: 'ready_for_standby',
    eligible: true,
    why_awake: 'queued',
    requested_by: 'idle',
    queue: { reason: 'standby_slots' },
  });
  const { since, retry_at } = told.queue!;
  expect(Date.parse(since)).toBe(Date.parse(told.next_standby_at!));
  expect(Date.parse(retry_at!)).toBeGreaterThan(scene.clock.now());
  expect((await report('first')).queue).toBeNull();
  await scene.clock.advance(2 * MINUTE_MS);
  expect([(await report('first')).asleep_since, (await report('second')).asleep_since]).not.toContain(null);
  expect((await report('second')).queue).toBeNull();
});

test('while the table of connections cannot be read, nothing is known of traffic, and that is why it is awake', async () => {
  scene = await gatewayScene();
  const id = await scene.running('web', POLICY);
  await scene.control.setTable({ dumps: 'fail' });
  await scene.control.traffic(id, { observer: 'lost' });
  await scene.clock.advance(20 * MINUTE_MS);
  expect(await report('web')).toMatchObject({
    eligible: true,
    status: 'error',
    reason: 'observer_error',
    why_awake: 'observer_blind',
  });
  expect(await report('web')).not.toHaveProperty('next_standby_at');
});

test.each([
  ['an instant that has passed', { until: '2026-01-01T11:59:59Z' }, 'until', 'must be in the future'],
  ['this very instant', { until: '2026-01-01T12:00:02Z' }, 'until', 'must be in the future'],
  ['what is no instant', { until: 'tomorrow' }, 'until', 'must be a time such as'],
  ['no time at all', { for: '0s' }, 'for', 'must be a positive duration'],
  ['a time that runs backwards', { for: '-5m' }, 'for', 'must be a positive duration'],
  ['what is no duration', { for: '5' }, 'for', 'must be a valid duration'],
  ['a time that nobody means', { for: '876001h' }, 'for', 'must be at most 876000h'],
  ['both', { for: '5m', until: '2030-01-01T00:00:00Z' }, 'for', 'exclude each other'],
  ['something else', { minutes: 5 }, 'minutes', 'is not a field'],
])('a hold for %s is refused and changes nothing', async (_what, more, field, told) => {
  scene = await gatewayScene();
  await scene.running('web', POLICY);
  await scene.clock.advance(Date.UTC(2026, 0, 1, 12, 0, 2) - scene.clock.now());
  const records = await scene.countRecords();
  const refused = expect(scene.useCases.hold({ id: 'web', ...more }, OPERATOR)).rejects;
  await refused.toMatchObject({ code: 'invalid_request', status: 400, field, message: expect.stringContaining(told) });
  expect([await scene.countRecords(), (await report('web')).hold_until]).toEqual([records, undefined]);
});
