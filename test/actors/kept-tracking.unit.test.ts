import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/actors/clock.ts';
import type { ActivityReading, TrackedGuest } from '../../src/actors/contracts/activity.ts';
import type { Tracking } from '../../src/actors/contracts/network.ts';
import { onlyWhileTracked, TRACKING_LOOK_MS } from '../../src/actors/tracking/kept-tracking.ts';
import { scriptedActivity } from './scripted-activity.ts';
import { START } from './simulated-host.ts';

/** What the kernel was not told to track is missing in its table: nobody is put away for that. */

const GUEST: TrackedGuest = {
  instance: 'web',
  run: 1,
  addresses: ['10.77.0.2'],
  policy: {},
};
const IDLE: ActivityReading = { observer: 'in_order', connections: 0, since: START };
const GONE: Tracking = { error: { code: 'not_tracked', message: 'the sysctl is read-only' } };

function scene() {
  const clock = new SimulatedClock(START);
  const source = scriptedActivity();
  const answers: Tracking[] = [];
  let calls = 0;
  const network = {
    keepTracking: async (): Promise<Tracking> => {
      calls += 1;
      await clock.turn();
      return answers.shift() ?? { tracking: 'kept' };
    },
  };
  const kept = onlyWhileTracked(source, network, clock);
  const heard: ActivityReading[] = [];
  kept.watch(GUEST, (reading) => heard.push(reading));
  source.table.read = async () => IDLE;
  return {
    clock,
    source,
    kept,
    heard,
    calls: () => calls,
    next: (...given: Tracking[]) => void answers.push(...given),
  };
}

describe('a table that is read for a guest', () => {
  test('is believed while the kernel tracks the connections of guests', async () => {
    const { kept, calls } = scene();
    expect(await kept.confirm(GUEST)).toEqual(IDLE);
    expect(calls()).toBe(1);
  });

  test('is not believed when the kernel cannot be told to, nor right after it had to be told again', async () => {
    const { kept, source, next } = scene();
    next(GONE, { tracking: 'repaired' });
    expect(await kept.confirm(GUEST)).toMatchObject({ observer: 'lost', error: expect.stringMatching(/read-only/) });
    expect(await kept.confirm(GUEST)).toMatchObject({ observer: 'lost', error: expect.stringMatching(/for a while/) });
    expect(source.confirmed).toEqual([]);
    expect(await kept.confirm(GUEST)).toEqual(IDLE);
  });

  test('is looked after once for all who ask at one moment, and never by a look that began before they asked', async () => {
    const { kept, calls } = scene();
    const first = kept.confirm(GUEST);
    await Promise.all([first, ...Array.from({ length: 50 }, () => kept.confirm(GUEST))]);
    expect(calls()).toBe(2);
  });
});

describe('whoever watches a guest', () => {
  test('hears within a minute that its connections go unseen, and what is known once they do not', async () => {
    const { clock, heard, kept, next, source } = scene();
    source.say('web', IDLE);
    next(GONE);
    await clock.advance(TRACKING_LOOK_MS);
    expect(kept.status()).toMatchObject({ state: 'lost', error: expect.stringMatching(/not tracked/) });
    const late: ActivityReading[] = [];
    kept.watch({ ...GUEST, instance: 'db' }, (reading) => late.push(reading));
    const newer: ActivityReading = { observer: 'in_order', connections: 2, since: clock.now() };
    source.say('web', newer);
    await clock.advance(TRACKING_LOOK_MS);
    expect(heard.map((reading) => (reading.observer === 'lost' ? 'lost' : reading.connections))).toEqual([
      0,
      'lost',
      2,
    ]);
    expect(late.map(({ observer }) => observer)).toEqual(['lost']);
    expect(kept.status().state).toBe('in_order');
  });

  test('hears a loss and what is known when the kernel had to be told again', async () => {
    const { clock, heard, next, source } = scene();
    source.say('web', IDLE);
    next({ tracking: 'repaired' });
    await clock.advance(TRACKING_LOOK_MS);
    expect(heard.map(({ observer }) => observer)).toEqual(['in_order', 'lost', 'in_order']);
  });

  test('is not told to have been idle since before its connections went unseen', async () => {
    const { clock, heard, next, source } = scene();
    source.say('web', IDLE);
    next({ tracking: 'repaired' });
    await clock.advance(TRACKING_LOOK_MS);
    expect(heard.at(-1)).toEqual({ ...IDLE, since: START + TRACKING_LOOK_MS });
  });

  test('hears nothing any more once the source is closed', async () => {
    const { clock, heard, kept, next, calls } = scene();
    next(GONE, GONE);
    await kept.close();
    await clock.advance(3 * TRACKING_LOOK_MS);
    expect(heard).toEqual([]);
    expect(calls()).toBe(0);
  });
});
