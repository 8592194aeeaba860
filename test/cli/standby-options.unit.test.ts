import { describe, expect, test } from 'vitest';
import { autoStandbyOf, schedulesOf } from '../../src/cli/commands/standby-options.ts';

describe('flags about sleep', () => {
  test.each([
    ['a part without the policy', { ignorePort: [22] }, /give --auto-standby too/],
    [
      'a part of a policy that is taken away',
      { autoStandby: 'off', ignorePort: [22] },
      /off takes .* leave out --ignore-port\./,
    ],
    ['a limit of sleep beside it', { autoStandby: 'off', maxAsleep: '1h' }, /--auto-standby off takes/],
    ['what follows a limit that is not given', { autoStandby: '10m', afterMaxAsleep: 'stop' }, /needs --max-asleep/],
  ])('are refused where they contradict each other: %s', (_what, options, message) => {
    expect(() => autoStandbyOf(options)).toThrow(message);
  });

  test.each([
    ['--no-schedules beside one', { schedules: false, wakeAt: '0 6 * * *' }, /--no-schedules takes all/],
    ['--no-schedules beside a part of one', { schedules: false, timeZone: 'UTC' }, /--no-schedules takes all/],
    ['a part of none', { schedules: true, snapshotKeep: 3 }, /needs --snapshot-at/],
  ])('of the calendar, too: %s', (_what, options, message) => {
    expect(() => schedulesOf(options)).toThrow(message);
  });

  test('take all schedules away, set those that are named, or say nothing of them', () => {
    expect(schedulesOf({ schedules: false })).toEqual({ schedules: null });
    expect(schedulesOf({ schedules: true })).toEqual({});
    const { schedules } = schedulesOf({ schedules: true, wakeAt: '0 6 * * *', timeZone: 'Europe/Berlin' });
    expect(schedules).toEqual({ wake: { cron: '0 6 * * *', time_zone: 'Europe/Berlin' } });
  });
});
