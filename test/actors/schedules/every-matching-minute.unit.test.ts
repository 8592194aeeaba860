import { expect, test } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import { everyMatchingMinute } from '../../../src/actors/schedules/every-matching-minute.ts';

const START = Date.UTC(2026, 0, 1, 12, 0, 31);
const DAY_MS = 86_400_000;

test('a daily minute comes once a day, in UTC, by our clock', async () => {
  const clock = new SimulatedClock(START);
  const times: string[] = [];
  const cancel = everyMatchingMinute('17 3 * * *', clock, () => times.push(new Date(clock.now()).toISOString()));
  await clock.advance(DAY_MS + DAY_MS);
  cancel();
  await clock.advance(DAY_MS);
  expect(times).toEqual(['2026-01-02T03:17:00.000Z', '2026-01-03T03:17:00.000Z']);
});

test('a clock that is set back does not bring the minute twice', async () => {
  const clock = new SimulatedClock(Date.UTC(2026, 0, 1, 3, 16, 30));
  let calls = 0;
  const cancel = everyMatchingMinute('17 3 * * *', clock, () => {
    calls += 1;
  });
  await clock.advance(40_000);
  clock.step(-20_000);
  await clock.advance(60_000);
  cancel();
  expect(calls).toBe(1);
});

test('what is no cron expression is refused', () => {
  expect(() => everyMatchingMinute('every night', new SimulatedClock(START), () => undefined)).toThrow();
});
