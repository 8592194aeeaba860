/** Goal: each minute of a schedule is told once, in time, or late within limits. Method: a simulated clock that is stepped and stalled. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import {
  type GivenSchedule,
  MISSED_TOLD_WITHIN_MS,
  ScheduleMinutes,
} from '../../../src/actors/schedules/schedule-minutes.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOON = Date.UTC(2026, 0, 1, 12);

type Name = 'standby' | 'wake';
type Heard = Partial<Record<Name, number | null>>;

interface Scene {
  readonly clock: SimulatedClock;
  readonly minutes: ScheduleMinutes<Name>;
  /** `web wake 12:05`. */
  readonly told: string[];
  readonly reported: string[];
  give(
    instance: string,
    schedules: Partial<Record<Name, string | GivenSchedule>> | null,
    heard?: Heard,
    fulfilled?: readonly Name[],
  ): void;
}

/** Nothing was heard later than a moment before the beginning, unless a test says so. */
function sceneAt(start: number): Scene {
  const clock = new SimulatedClock(start);
  const [told, reported]: [string[], string[]] = [[], []];
  const minutes = new ScheduleMinutes<Name>({
    clock,
    deliver: (instance, schedule, minute, isMissed) => {
      const at = new Date(minute).toISOString().slice(11, 16);
      told.push(`${instance} ${schedule} ${at}${isMissed ? ' missed' : ''}`);
    },
    report: (instance, message) => void reported.push(`${instance}: ${message}`),
  });
  const give: Scene['give'] = (instance, schedules, heard = { standby: start, wake: start }, fulfilled = []) => {
    const whole = Object.entries(schedules ?? {}).map(([name, cron]) => [
      name,
      typeof cron === 'string' ? { cron, time_zone: 'UTC' } : cron,
    ]);
    const given = { schedules: Object.fromEntries(whole), heard, fulfilled };
    minutes.derive(instance, schedules === null ? null : given);
  };
  return { clock, minutes, told, reported, give };
}

test('each schedule is told its minutes, in its own time zone', async () => {
  const { clock, told, give } = sceneAt(NOON + 30_000);
  give('web', { standby: '*/20 * * * *', wake: { cron: '31 13 * * *', time_zone: 'Europe/Berlin' } });
  give('db', { wake: '1 13 * * *' });
  await clock.advance(HOUR_MS);
  expect(told).toEqual(['web standby 12:20', 'web wake 12:31', 'web standby 12:40', 'web standby 13:00']);
  await clock.advance(MINUTE_MS);
  expect(told.slice(4)).toEqual(['db wake 13:01']);
});

test('while nobody has a schedule no timer runs, however many instances there are', () => {
  const { clock, minutes, give } = sceneAt(NOON);
  give('web', null);
  expect(clock.nextTimerInMs()).toBeNull();
  give('web', { wake: '0 13 * * *' });
  expect([minutes.size, clock.nextTimerInMs()]).toEqual([1, MINUTE_MS]);
  give('db', { wake: '0 14 * * *' });
  give('web', null);
  give('db', null);
  expect([minutes.size, clock.nextTimerInMs()]).toEqual([0, null]);
});

test('a schedule that is changed counts from then on, and one that stays goes on', async () => {
  const { clock, told, give } = sceneAt(NOON);
  give('web', { wake: '5 12 * * *', standby: '*/4 * * * *' });
  await clock.advance(4 * MINUTE_MS);
  give('web', { wake: '5 12 * * *', standby: '*/4 * * * *' });
  give('web', { wake: '6 12 * * *' }, { wake: clock.now() });
  await clock.advance(5 * MINUTE_MS);
  expect(told).toEqual(['web standby 12:04', 'web wake 12:06']);
});

test('what came while the daemon was down is told at the start: the latest of each, and only of the last 10 minutes', () => {
  const down = (heard: Heard): string[] => {
    const { told, give } = sceneAt(NOON + 30_000);
    give('web', { wake: '50,52,54 11 * * *', standby: '49 11 * * *' }, heard);
    return told;
  };
  expect(down({})).toEqual(['web wake 11:54']);
  expect(down({ wake: NOON - 8 * MINUTE_MS })).toEqual(['web wake 11:54']);
  expect(down({ wake: NOON - 6 * MINUTE_MS })).toEqual([]);
});

test('the minute that has begun is told at once, and not again at the next look', async () => {
  const { clock, told, give } = sceneAt(NOON + 30_000);
  give('web', { wake: '0 12 * * *' }, {});
  give('db', { wake: '0 12 * * *' }, { wake: NOON + 10_000 });
  await clock.advance(HOUR_MS);
  expect(told).toEqual(['web wake 12:00']);
});

test('a minute that asks for what is so already passes untold, and does not come later either', async () => {
  const { clock, told, give } = sceneAt(NOON + 30_000);
  const both = { standby: '*/2 * * * *', wake: '1-59/2 * * * *' };
  give('web', both, {}, ['standby']);
  await clock.advance(MINUTE_MS);
  give('web', both, {}, ['wake']);
  await clock.advance(2 * MINUTE_MS);
  expect(told).toEqual(['web wake 11:59', 'web wake 12:01', 'web standby 12:02']);
});

test('of the minutes that passed while the machine slept the latest of the last 10 is told', async () => {
  const { clock, told, give } = sceneAt(NOON + 30_000);
  give('web', { wake: '*/3 * * * *', standby: '30 12 * * *' });
  clock.stall(HOUR_MS);
  await clock.advance(0);
  expect(told).toEqual(['web wake 13:00', 'web standby 12:30 missed']);
  await clock.advance(3 * MINUTE_MS);
  expect(told.slice(2)).toEqual(['web wake 13:03']);
});

test('of what is too old to be made up for the latest is told as missed, once, and only since it was set', () => {
  const down = (heard: number | null, cron = '10,40 11 * * *', now = NOON + 30_000): string[] => {
    const { told, give } = sceneAt(now);
    give('web', { wake: cron }, { wake: heard });
    give('db', { wake: cron }, { wake: NOON });
    return told;
  };
  expect(down(NOON - HOUR_MS)).toEqual(['web wake 11:40 missed']);
  expect(down(NOON - 20 * MINUTE_MS)).toEqual([]);
  expect(down(null)).toEqual([]);
  // One that is made up for takes the place of those before it.
  expect(down(NOON - HOUR_MS, '10,40,55 11 * * *')).toEqual(['web wake 11:55']);
  const later = NOON + MISSED_TOLD_WITHIN_MS;
  expect(down(NOON - HOUR_MS, '40 11 1 1 *', later - 30 * MINUTE_MS)).toEqual(['web wake 11:40 missed']);
  expect(down(NOON - HOUR_MS, '40 11 1 1 *', later)).toEqual([]);
});

test('a wall clock that is set forward is a sleep; one that is set back brings no minute twice, and goes on from there', async () => {
  const { clock, told, give } = sceneAt(NOON + 30_000);
  give('web', { wake: '*/2 * * * *' });
  await clock.advance(2 * MINUTE_MS);
  clock.step(-3 * MINUTE_MS);
  await clock.advance(4 * MINUTE_MS);
  expect(told).toEqual(['web wake 12:02']);
  give('db', { wake: '*/2 * * * *' }, { wake: clock.now() });
  clock.step(-2 * HOUR_MS);
  give('late', { wake: '*/2 * * * *' }, { wake: clock.now() });
  await clock.advance(3 * MINUTE_MS);
  // Those that have heard of a later minute wait until it is over; one that has not is told.
  expect(told.slice(1)).toEqual(['late wake 10:04', 'late wake 10:06']);
});

test('no minute is told twice and none in the wrong order, whatever the clock and the daemon do', async () => {
  const act = fc.record({
    act: fc.constantFrom('advance', 'step', 'stall', 'restart'),
    ms: fc.integer({ min: -20 * MINUTE_MS, max: 20 * MINUTE_MS }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 12 }), async (acts) => {
      const clock = new SimulatedClock(NOON);
      const heard: number[] = [];
      const deliver = (_instance: string, _schedule: Name, minute: number): void => void heard.push(minute);
      const start = (): ScheduleMinutes<Name> => {
        const minutes = new ScheduleMinutes<Name>({ clock, deliver, report: () => {} });
        const schedules = { wake: { cron: '*/2 * * * *', time_zone: 'UTC' } };
        minutes.derive('web', { schedules, heard: { wake: heard.at(-1) ?? NOON }, fulfilled: [] });
        return minutes;
      };
      let minutes = start();
      for (const { act, ms } of acts) {
        if (act === 'step') clock.step(ms);
        else if (act === 'stall') clock.stall(Math.abs(ms));
        else if (act === 'advance') await clock.advance(Math.abs(ms));
        else {
          minutes.close();
          minutes = start();
        }
      }
      expect(heard.every((minute, index) => minute > (heard[index - 1] ?? NOON))).toBe(true);
      expect(heard.every((minute) => minute % (2 * MINUTE_MS) === 0)).toBe(true);
      // With the clock left alone it is told the next one soon after the latest that it has heard of.
      await clock.advance(Math.max(0, Math.max(heard.at(-1) ?? NOON, NOON) - clock.now()) + 2 * MINUTE_MS);
      expect(clock.now() - heard.at(-1)!).toBeLessThanOrEqual(2 * MINUTE_MS);
    }),
    { numRuns: 60 },
  );
});

test('many that are due at once are told a part in each turn of the event loop', async () => {
  const { clock, told, give } = sceneAt(NOON + 30_000);
  for (let n = 0; n < 1_000; n++) give(`vm-${n}`, { wake: '1 12 * * *' });
  clock.stall(30_000);
  await clock.turn();
  void clock.advance(0);
  for (let turns = 0; told.length === 0 && turns < 100; turns++) await clock.turn();
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThan(1_000);
  await clock.settle();
  expect(told.length).toBe(1_000);
});

test('a schedule that is not understood any more is reported, and the others of the instance go on', async () => {
  const { clock, told, reported, give } = sceneAt(NOON);
  give('web', { standby: { cron: '0 22 * * *', time_zone: 'Mars/Base' }, wake: '1 12 * * *' });
  await clock.advance(MINUTE_MS);
  expect(told).toEqual(['web wake 12:01']);
  expect(reported).toEqual([expect.stringMatching(/^web: .*time_zone must be an IANA time zone/)]);
});

test('nothing is told after the end', async () => {
  const { clock, minutes, told, give } = sceneAt(NOON);
  give('web', { wake: '* * * * *' });
  minutes.close();
  give('db', { wake: '* * * * *' }, {});
  await clock.advance(HOUR_MS);
  expect([told, clock.nextTimerInMs()]).toEqual([[], null]);
});
