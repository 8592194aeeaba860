import { getTasks } from 'node-cron';
import { expect, test } from 'vitest';
import { type Cron, parseCron } from '../../../src/actors/schedules/cron.ts';

function cronOf(expression: string, timeZone: string): Cron {
  const parsed = parseCron(expression, timeZone);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.cron;
}

test('a minute is meant as a whole, by the clocks of its time zone', () => {
  const nightly = cronOf('30 22 * * 1-5', 'Europe/Berlin');
  const at = (text: string): boolean => nightly.matches(Date.parse(text));
  expect([at('2026-01-05T21:30:00Z'), at('2026-01-05T21:30:59.999Z')]).toEqual([true, true]);
  expect([at('2026-01-05T21:29:59.999Z'), at('2026-01-05T21:31:00Z')]).toEqual([false, false]);
  // An hour earlier in summer, and never on a Saturday.
  expect([at('2026-07-06T20:30:00Z'), at('2026-07-06T21:30:00Z'), at('2026-01-10T21:30:00Z')]).toEqual([
    true,
    false,
    false,
  ]);
});

test('a minute that the change to summer time leaves out does not come', () => {
  const early = cronOf('30 2 * * *', 'Europe/Berlin');
  const day = Date.parse('2026-03-28T23:00:00Z');
  const minutes = Array.from({ length: 23 * 60 }, (_, minute) => day + minute * 60_000);
  expect(minutes.some((minute) => early.matches(minute))).toBe(false);
});

test('what has been parsed is kept by nobody else', () => {
  cronOf('*/5 * * * *', 'UTC');
  expect(getTasks().size).toBe(0);
});

test.each([
  ['', /five fields/],
  ['* * * *', /five fields/],
  ['0 0 22 * * *', /five fields/],
  ['@daily', /five fields/],
  ['60 * * * *', /60 is not valid as minute/],
  ['* 24 * * *', /24 is not valid as hour/],
  ['0-99999999 * * * *', /five fields/],
  ['0 0 31 2 *', /impossible day of month/],
  ['0 0 * * someday', /not valid as week day/],
  [`0 0 * * ${'1,'.repeat(100)}1`, /five fields/],
])('the expression "%s" is refused by name', (expression, told) => {
  const parsed = parseCron(expression, 'UTC');
  expect(parsed).toMatchObject({ ok: false, field: 'cron', message: expect.stringMatching(told) });
});

test.each(['', 'Mars/Base', '+02:00', 'Europe/Berlin ', 'x'.repeat(200)])(
  'the time zone "%s" is refused by name',
  (zone) => {
    expect(parseCron('0 22 * * *', zone)).toMatchObject({ ok: false, field: 'time_zone' });
  },
);
