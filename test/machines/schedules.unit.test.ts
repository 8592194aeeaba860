/** Goal: a minute of a schedule is heard once, and none from before the schedule was set. Method: single instances, told minutes. */
import { expect, test } from 'vitest';
import { definition, START } from './definitions.ts';
import { bootUp, type Driver, drive } from './driver.ts';

const MINUTE_MS = 60_000;
const SCHEDULES = { wake: { cron: '* * * * *', time_zone: 'UTC' } };

function scheduled(): Driver {
  const driver = drive(definition({ schedules: SCHEDULES }));
  bootUp(driver, 0);
  return driver;
}

/** Of a guest that is awake already nothing comes of it: it is remembered, and that is all. */
const heard = (driver: Driver, minute: number, offsetMs: number): boolean => {
  const last = driver.snapshot().context.schedules.wake;
  driver.send(offsetMs, { type: 'schedule.due', schedule: 'wake', minute: START + minute });
  return driver.snapshot().context.schedules.wake !== last;
};

test('a minute is heard once, and none that is older than one that was heard', () => {
  const driver = scheduled();
  expect(heard(driver, 2 * MINUTE_MS, 2 * MINUTE_MS)).toBe(true);
  expect(heard(driver, 2 * MINUTE_MS, 3 * MINUTE_MS)).toBe(false);
  expect(heard(driver, MINUTE_MS, 4 * MINUTE_MS)).toBe(false);
  expect(heard(driver, 5 * MINUTE_MS, 5 * MINUTE_MS)).toBe(true);
});

test('a minute that began before the instance was created, or before its schedules were set, is not heard', () => {
  const driver = scheduled();
  expect(heard(driver, -MINUTE_MS, 10)).toBe(false);
  driver.send(5 * MINUTE_MS + 1, { type: 'update', by: 'ann', changes: { schedules: SCHEDULES } });
  expect(heard(driver, 5 * MINUTE_MS, 5 * MINUTE_MS + 2)).toBe(false);
  expect(heard(driver, 6 * MINUTE_MS, 6 * MINUTE_MS)).toBe(true);
});

test('a change of anything else leaves minutes to be heard as they were', () => {
  const driver = scheduled();
  driver.send(5 * MINUTE_MS + 1, { type: 'update', by: 'ann', changes: { expiry: null } });
  expect(heard(driver, 5 * MINUTE_MS, 5 * MINUTE_MS + 2)).toBe(true);
});
