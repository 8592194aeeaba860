import { describe, expect, test } from 'vitest';
import { FAULT_POINTS } from '../../src/actors/fault-points.ts';
import { RESTART_SCENES } from './moments-scenes.ts';
import { type Course, type Interference, play } from './moments-world.ts';

/**
 * Goal: a stop wins, and a dead daemon loses nothing, at every moment of a backoff, of a boot and of a health restart.
 * Method: each scene is played undisturbed to learn its moments, and then once more for every one of them.
 */

/** Fewer would mean that the scene did not come to what it is about. */
const MOMENTS_MIN = 30;

/** A run that had ended by itself before the stop stays one that failed. */
const AT_REST = expect.stringMatching(/^(stopped|failed)$/);

describe.each(Object.entries(RESTART_SCENES))('%s', (_name, scene) => {
  const atEveryMoment = async (interference: Interference, judge: (course: Course, where: string) => void) => {
    const { moments } = await play(scene, 'nothing', 0);
    expect(moments.length).toBeGreaterThan(MOMENTS_MIN);
    for (const [index, { point, subject }] of moments.entries()) {
      const course = await play(scene, interference, index + 1);
      const where = `${interference} at ${index + 1}, ${point} ${subject}`;
      expect([where, course.violations]).toEqual([where, []]);
      judge(course, where);
    }
  };

  test('reaches every kind of moment, and ends in a guest that runs and is healthy', async () => {
    const { moments, phase, health, vmms, violations } = await play(scene, 'nothing', 0);
    const reached = new Set(moments.map(({ point }) => point));
    expect(
      FAULT_POINTS.filter((point) => !reached.has(point) && point !== 'recovered' && point !== 'timer_due'),
    ).toEqual([]);
    expect([phase, health, vmms, violations]).toEqual(['running', 'healthy', 1, []]);
  });

  test('stays stopped at whatever moment it is stopped', () =>
    atEveryMoment('stop', ({ phase, vmms, acknowledged }, where) =>
      expect([where, phase, vmms, acknowledged]).toEqual([where, AT_REST, 0, true]),
    ));

  test('goes on as if nothing had been, at whatever moment the daemon dies', async () => {
    const { spawns } = await play(scene, 'nothing', 0);
    await atEveryMoment('kill', (course, where) => {
      expect([where, course.phase, course.health, course.vmms]).toEqual([where, 'running', 'healthy', 1]);
      // What was lost with the daemon may have become needless meanwhile; nothing is ever done twice.
      expect(course.spawns, where).toBeLessThanOrEqual(spawns);
    });
  });

  test('stays stopped when the daemon dies right after the stop, at whatever moment', () =>
    atEveryMoment('stop_and_kill', ({ phase, vmms, acknowledged }, where) =>
      expect([where, phase, vmms, acknowledged]).toEqual([where, AT_REST, 0, true]),
    ));
});
