import { describe, expect, it } from 'vitest';
import { vainSchedules } from '../../machines/schedules.ts';
import { definition, SLEEPY } from './definitions.ts';
import { type Driver, done, drive, exited } from './driver.ts';
import { asleep, by, causes, due, leaf, running, SCHEDULES } from './scheduled-guest.ts';

/** Of which schedules nothing comes as things stand, and that the chart tells the same when their minutes come. */

describe('of a schedule of which nothing comes', () => {
  const left = (): Driver => {
    const from = { instance: '01another', snapshot: 'kept' };
    const driver = drive(definition({ auto_standby: SLEEPY, schedules: SCHEDULES }), 'stopped', 0, 'generous', from);
    for (const event of [done('instance.prepare', 0), done('snapshot.fork', 0)]) driver.send(1_000, event);
    expect(leaf(driver)).toBe('standby.sleeping');
    return driver;
  };
  const after = (driver: Driver, ...events: Parameters<Driver['send']>[1][]): Driver => {
    for (const event of events) driver.send(2_000, event);
    return driver;
  };
  const stopped = (parts: Parameters<typeof running>[0]): Driver =>
    after(running(parts), { type: 'stop', by }, exited(1, 0));
  const down = { standby: 'not running', wake: 'not wanted', snapshot: 'state' };
  const hands_off = { standby: 'ignore', wake: 'ignore', snapshot: 'ignore' };

  it.each([
    ['a guest whose connections nobody counts', () => running({ auto_standby: null }), { standby: 'no policy' }],
    ['one whose policy is off', () => running({ auto_standby: { enabled: false } }), { standby: 'no policy' }],
    ['one without a network', () => running({ network: { enabled: false, ports: [] } }), { standby: 'ineligible' }],
    ['a fork that is left asleep', left, { wake: 'not wanted' }],
    ['one that was stopped', () => after(running(), { type: 'stop', by }, exited(1, 0)), down],
    ['one that was stopped and has no policy', () => stopped({ auto_standby: null }), down],
    ['one that was stopped and has no network', () => stopped({ network: { enabled: false, ports: [] } }), down],
    ['one that is ignored', () => after(running(), { type: 'ignore', by }, exited(1, 0)), hands_off],
  ])('the cause is foretold that its minute tells when it comes: %s', (_what, begin, expected) => {
    const driver = begin();
    const { definition: defined, ...context } = driver.snapshot().context;
    expect(vainSchedules({ value: driver.snapshot().value, context }, defined ?? definition())).toEqual(expected);
    for (const [name, cause] of Object.entries(expected)) {
      driver.send(9_000, due(name as 'standby', 2));
      expect([name, causes(driver).at(-1)]).toEqual([name, cause]);
    }
  });

  it.each([
    ['a guest that runs', running],
    ['one that sleeps, and is wanted running', asleep],
  ])('there is none where something comes of each: %s', (_what, begin) => {
    const driver = begin();
    expect(vainSchedules(driver.snapshot(), driver.snapshot().context.definition ?? definition())).toEqual({});
  });
});
