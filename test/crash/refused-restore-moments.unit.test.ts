import { describe, expect, test } from 'vitest';
import { atEveryMoment } from './at-every-moment.ts';
import { LATE_RESTORE, REFUSED_RESTORE, UNHEARD_RESTORE } from './moments-scenes.ts';
import { type Course, play } from './moments-world.ts';

/**
 * Goal: whatever keeps a guest from being woken, and whatever happens meanwhile, its memory is there for the next try: it is
 * booted once in its life, and never again by itself or by a start. A stop is final all the same.
 */

const SCENES = [
  ['is refused', REFUSED_RESTORE],
  ['takes too long', LATE_RESTORE],
] as const;

/** What keeps it from being woken happens once, perhaps only now, and may take as long as a restore may. */
const TRIES = 10;

async function wakes({ later }: Course): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    if ((await later({ type: 'restore', by: 'test' })).phase === 'running') return true;
  }
  return false;
}

describe.each(SCENES)('a guest whose restore %s', (_what, scene) => {
  test('sleeps on, and wakes at the next try', async () => {
    const course = await play(scene, 'nothing', 0);
    expect([course.phase, course.vmms, course.boots, course.violations]).toEqual(['standby', 0, 1, []]);
    expect(await course.later({ type: 'restore', by: 'test' })).toEqual({ phase: 'running', vmms: 1 });
  });

  test('is not booted by the death of the daemon at any moment, and wakes in the end', () =>
    atEveryMoment(scene, 'kill', async (course, { where }) => {
      expect([where, course.boots]).toEqual([where, 1]);
      expect([where, course.phase]).toEqual([where, expect.stringMatching(/^(standby|running)$/)]);
      expect([where, await wakes(course)]).toEqual([where, true]);
    }));

  test.each(['start', 'start_and_kill'] as const)('keeps its memory for whoever starts it at any moment: %s', (how) =>
    atEveryMoment(scene, how, async (course, { where }) => {
      expect([where, course.boots]).toEqual([where, 1]);
      expect([where, course.phase]).toEqual([where, expect.stringMatching(/^(standby|running)$/)]);
      expect([where, await wakes(course)]).toEqual([where, true]);
    }),
  );

  test.each(['stop', 'stop_and_kill'] as const)('stays stopped at whatever moment: %s', (how) =>
    atEveryMoment(scene, how, ({ phase, vmms, acknowledged }, { where }) =>
      expect([where, phase, vmms, acknowledged]).toEqual([where, 'stopped', 0, true]),
    ),
  );
});

describe('a guest that was taken up without anybody hearing of it', () => {
  test.each(['stop', 'stop_and_kill'] as const)('stays stopped at whatever moment: %s', (how) =>
    atEveryMoment(UNHEARD_RESTORE, how, ({ phase, vmms, acknowledged }, { where }) =>
      expect([where, phase, vmms, acknowledged]).toEqual([where, 'stopped', 0, true]),
    ),
  );

  test('lives once at whatever moment it is started', () =>
    atEveryMoment(UNHEARD_RESTORE, 'start', ({ vmms }, { where }) =>
      expect([where, vmms <= 1]).toEqual([where, true]),
    ));
});
