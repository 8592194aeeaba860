import { describe, expect, test } from 'vitest';
import { FAULT_POINTS } from '../../src/actors/fault-points.ts';
import { type KillSpot, runAtPoints } from './points-run.ts';
import { runAtRandom } from './random-run.ts';

/** A small taste of the long crash runs (`npm run crash`), so that a broken promise is seen at once. */

const SPOTS: readonly KillSpot[] = [
  { point: 'decided', subject: 'stop' },
  { point: 'appended', subject: 'create' },
  { point: 'published', subject: 'vmm.exited' },
  { point: 'acknowledged', subject: 'stop' },
  { point: 'effect_begun', subject: 'vmm.boot' },
  { point: 'effect_done', subject: 'host.admit' },
  { point: 'effect_done', subject: 'vmm.boot' },
  { point: 'result_appended', subject: 'effect.done' },
  { point: 'timer_due', subject: 'timer.backoff' },
  { point: 'recovered', subject: 'start' },
];

/** Moments that a busy machine does not reach at once are waited for longer each time. */
const REACHED_LIMIT_MS = 400_000;

describe('a daemon that is killed', () => {
  test('at each fault point keeps the laws, and everything settles', { timeout: REACHED_LIMIT_MS }, async () => {
    const result = await runAtPoints(SPOTS);
    expect(result.violations).toEqual([]);
    expect(result.missing).toEqual([]);
    expect(new Set(SPOTS.map(({ point }) => point))).toEqual(new Set(FAULT_POINTS));
    expect(result.driver.acknowledged.length).toBeGreaterThan(0);
  });

  test('at random moments under load keeps the laws, and VMs live on', async () => {
    const range = { least: 100, most: 1_000 };
    const load = { seed: 3, clients: 8, slots: 40, pauseMs: 15 };
    const result = await runAtRandom({ ...load, kills: 4, lifeMs: range, earlyEvery: 4, earlyMs: range });
    expect(result.violations).toEqual([]);
    expect(result.kills).toBe(4);
    expect(result.adopted).toBeGreaterThan(0);
  });
});
