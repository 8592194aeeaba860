import { expect, test } from 'vitest';
import { nextMinutes } from '../../../src/actors/schedules/next-minutes.ts';

const NOON = Date.UTC(2026, 0, 1, 12);

test('each schedule has its next minute; one that names none within some years has none', () => {
  const schedules = {
    standby: { cron: '0 22 * * *', time_zone: 'Europe/Berlin' },
    wake: { cron: '0 12 * * *', time_zone: 'UTC' },
    snapshot: { cron: '0 0 30W 2 *', time_zone: 'UTC' },
    other: undefined,
  };
  expect(nextMinutes(schedules, NOON)).toEqual({
    standby: Date.UTC(2026, 0, 1, 21),
    wake: Date.UTC(2026, 0, 2, 12),
  });
});

test('what was found is the same again until that minute has come, and is found anew when the clock was set back', () => {
  const schedules = { wake: { cron: '*/10 * * * *', time_zone: 'UTC' } };
  const minutes = [0, 9 * 60_000 + 59_999, 10 * 60_000, -60_000].map(
    (later) => nextMinutes(schedules, NOON + later).wake,
  );
  expect(minutes).toEqual([NOON + 600_000, NOON + 600_000, NOON + 1_200_000, NOON]);
});
