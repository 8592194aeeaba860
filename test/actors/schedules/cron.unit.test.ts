import fc from 'fast-check';
import { createTask, getTasks } from 'node-cron';
import { expect, test } from 'vitest';
import { type Cron, parseCron } from '../../../src/actors/schedules/cron.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function cronOf(expression: string, timeZone: string): Cron {
  const parsed = parseCron(expression, timeZone);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.cron;
}

/** The matching minutes of the hours from `from` on, as texts in UTC. */
function matchesFrom(expression: string, timeZone: string, from: string, hours: number): string[] {
  const cron = cronOf(expression, timeZone);
  const start = Date.parse(from);
  const found: string[] = [];
  for (let minute = start; minute < start + hours * HOUR_MS; minute += MINUTE_MS) {
    if (cron.matches(minute)) found.push(new Date(minute).toISOString().slice(5, 16));
  }
  return found;
}

test('an expression is asked about the minutes of its own time zone', () => {
  expect(matchesFrom('30 9 * * *', 'Asia/Kathmandu', '2026-01-01T00:00Z', 24)).toEqual(['01-01T03:45']);
  expect(matchesFrom('30 9 * * 4', 'America/New_York', '2026-01-01T00:00Z', 24)).toEqual(['01-01T14:30']);
  expect(matchesFrom('0 0 L 2 *', 'UTC', '2028-02-28T00:00Z', 72)).toEqual(['02-29T00:00']);
});

const field = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant('*'),
    fc.integer({ min, max }).map(String),
    fc.integer({ min: 2, max: 7 }).map((step) => `*/${step}`),
    fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
  );

test('where no clock is changed, a minute matches exactly when the library says that its local minute does', () => {
  const expression = fc.tuple(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6));
  const minute = fc.integer({ min: Date.UTC(2026, 0, 1) / MINUTE_MS, max: Date.UTC(2028, 0, 1) / MINUTE_MS });
  const zone = fc.constantFrom('UTC', 'Asia/Kathmandu', 'America/Phoenix');
  void fc.assert(
    fc.property(expression, zone, fc.array(minute, { minLength: 20, maxLength: 20 }), (fields, timeZone, minutes) => {
      const task = createTask(fields.join(' '), () => undefined, { timezone: timeZone });
      void task.destroy();
      const cron = cronOf(fields.join(' '), timeZone);
      for (const at of minutes) expect(cron.matches(at * MINUTE_MS)).toBe(task.match(new Date(at * MINUTE_MS)));
    }),
    { numRuns: 50 },
  );
});

test('a local minute that is skipped comes in the first minute after the gap, once for all that were', () => {
  const night = (expression: string): string[] => matchesFrom(expression, 'Europe/Berlin', '2026-03-28T23:00Z', 6);
  expect(night('30 2 * * *')).toEqual(['03-29T01:00']);
  expect(night('0,15,30 2 * * *')).toEqual(['03-29T01:00']);
  expect(night('30 1,2,3 * * *')).toEqual(['03-29T00:30', '03-29T01:00', '03-29T01:30']);
  expect(night('30 2 * * 1')).toEqual([]);
});

test('a local minute that is doubled comes the first time only', () => {
  const night = (expression: string): string[] => matchesFrom(expression, 'Europe/Berlin', '2026-10-24T22:00Z', 6);
  expect(night('30 2 * * *')).toEqual(['10-25T00:30']);
  expect(night('0 3 * * *')).toEqual(['10-25T02:00']);
});

test('an expression for every hour goes by the hours that pass: none is made up for, none is left out', () => {
  const berlin = (from: string): string[] => matchesFrom('30 * * * *', 'Europe/Berlin', from, 3);
  expect(berlin('2026-03-29T00:00Z')).toEqual(['03-29T00:30', '03-29T01:30', '03-29T02:30']);
  expect(berlin('2026-10-25T00:00Z')).toEqual(['10-25T00:30', '10-25T01:30', '10-25T02:30']);
});

test('changes by half an hour, at midnight and by a whole day are kept as well', () => {
  expect(matchesFrom('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T12:00Z', 6)).toEqual(['10-03T15:30']);
  expect(matchesFrom('45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T12:00Z', 6)).toEqual(['04-04T14:45']);
  expect(matchesFrom('30 0 * * *', 'America/Havana', '2026-03-08T00:00Z', 12)).toEqual(['03-08T05:00']);
  expect(matchesFrom('0 9 30 12 *', 'Pacific/Apia', '2011-12-30T00:00Z', 36)).toEqual(['12-30T10:00']);
});

test('the next match is the first minute that matches, also across changes of the clock', () => {
  const starts = ['2026-03-28T12:00Z', '2026-10-24T12:00Z', '2026-06-01T00:00Z'];
  for (const expression of ['30 2 * * *', '*/7 * * * *', '59 23 * * *', '0 3 1 * *', '15 */5 * * 0']) {
    for (const timeZone of ['Europe/Berlin', 'Australia/Lord_Howe', 'America/Havana']) {
      const cron = cronOf(expression, timeZone);
      for (const from of starts.map((start) => Date.parse(start) + 31_000)) {
        let minute = from - 31_000 + MINUTE_MS;
        while (!cron.matches(minute)) minute += MINUTE_MS;
        expect(cron.nextMatch(from), `${expression} ${timeZone}`).toBe(minute);
      }
    }
  }
});

test('a match may be years away; one beyond what is looked through is none', () => {
  const cron = cronOf('0 0 29 2 *', 'UTC');
  expect(cron.nextMatch(Date.UTC(2025, 0, 1))).toBe(Date.UTC(2028, 1, 29));
  expect(cron.nextMatch(Date.UTC(2096, 2, 1))).toBeNull();
});

test('the latest match of a stretch is found, its ends included', () => {
  const cron = cronOf('*/10 * * * *', 'UTC');
  const at = (text: string): number => Date.parse(`2026-01-01T${text}Z`);
  expect(cron.latestMatch(at('10:00'), at('10:10:59'))).toBe(at('10:10'));
  expect(cron.latestMatch(at('10:10'), at('10:10'))).toBe(at('10:10'));
  expect(cron.latestMatch(at('10:11'), at('10:19:59'))).toBeNull();
});

test('what is looked for over days is found as if every minute had been asked, also across changes of the clock', () => {
  const ends = [
    '2026-03-30T12:00Z',
    '2026-10-26T12:00Z',
    '2026-06-01T00:00Z',
    '2026-03-08T12:00Z',
    '2011-12-31T00:00Z',
  ];
  for (const expression of ['30 2 * * *', '30 0 * * *', '59 23 * * *', '0 3 1 * *', '15 */5 * * 0', '0 9 30 12 *']) {
    for (const timeZone of ['Europe/Berlin', 'Australia/Lord_Howe', 'America/Havana', 'Pacific/Apia']) {
      const cron = cronOf(expression, timeZone);
      for (const to of ends.map((end) => Date.parse(end) + 31_000)) {
        const from = to - 4 * 24 * 60 * MINUTE_MS;
        let minute: number | null = to - 31_000;
        while (minute !== null && !cron.matches(minute)) minute = minute - MINUTE_MS < from ? null : minute - MINUTE_MS;
        expect(cron.latestMatch(from, to), `${expression} ${timeZone} ${new Date(to).toISOString()}`).toBe(minute);
      }
    }
  }
});

test('a minute is meant as a whole', () => {
  const nightly = cronOf('30 22 * * 1-5', 'Europe/Berlin');
  const at = (text: string): boolean => nightly.matches(Date.parse(text));
  expect([at('2026-01-05T21:30:00Z'), at('2026-01-05T21:30:59.999Z')]).toEqual([true, true]);
  expect([at('2026-01-05T21:29:59.999Z'), at('2026-01-05T21:31:00Z')]).toEqual([false, false]);
});

test('blanks around and between the fields mean nothing', () => {
  expect(cronOf(' 30\t22  * * * ', 'UTC').matches(Date.UTC(2026, 0, 1, 22, 30))).toBe(true);
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
