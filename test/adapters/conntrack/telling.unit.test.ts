import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import type { ActivityReading } from '../../../src/actors/contracts/activity.ts';
import { Telling, TOLD_AT_ONCE_MAX } from '../../../src/adapters/conntrack/telling.ts';

const LOST: ActivityReading = { observer: 'lost', error: 'more came than could be kept' };
const reading = (connections: number, since = 1): ActivityReading => ({ observer: 'in_order', connections, since });

function scene() {
  const clock = new SimulatedClock(1_000);
  const told: [number, ActivityReading][] = [];
  return { clock, told, telling: new Telling(clock, (...one) => told.push(one)) };
}

/** Fills what may be told in this turn. */
function fill({ telling }: ReturnType<typeof scene>): void {
  for (let watch = 1_000; watch < 1_000 + TOLD_AT_ONCE_MAX; watch += 1) telling.put(watch, reading(0));
}

describe('readings on their way to those who watch', () => {
  it('are told at once while they are few, and so many in each turn when they are many', async () => {
    const { clock, told, telling } = scene();
    for (let watch = 0; watch < 3 * TOLD_AT_ONCE_MAX; watch += 1) telling.put(watch, LOST);
    expect(told).toHaveLength(TOLD_AT_ONCE_MAX);
    await clock.turn();
    expect(told.length).toBeLessThanOrEqual(2 * TOLD_AT_ONCE_MAX);
    await clock.settle();
    expect(told.map(([watch]) => watch)).toEqual(Array.from({ length: 3 * TOLD_AT_ONCE_MAX }, (_, watch) => watch));
  });

  it('that wait are replaced by newer ones', async () => {
    const made = scene();
    fill(made);
    for (const connections of [1, 2, 3]) made.telling.put(7, reading(connections));
    await made.clock.settle();
    expect(made.told.slice(TOLD_AT_ONCE_MAX)).toEqual([[7, reading(3)]]);
  });

  it('never hide a loss that was not told yet: it is told before what is known again, and once', async () => {
    const made = scene();
    fill(made);
    for (const one of [reading(1), LOST, reading(0), LOST, LOST, reading(0), reading(2)]) made.telling.put(7, one);
    await made.clock.settle();
    expect(made.told.slice(TOLD_AT_ONCE_MAX)).toEqual([
      [7, LOST],
      [7, reading(2)],
    ]);
  });

  it('never hide one who came and went while they waited: whoever was told of nobody yet hears of that', async () => {
    const made = scene();
    fill(made);
    for (const one of [reading(0), reading(1), reading(0, 2)]) made.telling.put(7, one);
    for (const one of [reading(2), reading(0, 2), reading(0, 3)]) made.telling.put(8, one);
    await made.clock.settle();
    expect(made.told.slice(TOLD_AT_ONCE_MAX)).toEqual([
      [7, reading(1)],
      [7, reading(0, 2)],
      [8, reading(2)],
      [8, reading(0, 3)],
    ]);
  });

  it('of nobody, but since later than another that waits, are told after that one', async () => {
    const made = scene();
    fill(made);
    for (const since of [1, 2, 3, 3]) made.telling.put(7, reading(0, since));
    await made.clock.settle();
    expect(made.told.slice(TOLD_AT_ONCE_MAX)).toEqual([
      [7, reading(0, 1)],
      [7, reading(0, 3)],
    ]);
  });

  it('are not told to whoever has stopped watching', async () => {
    const made = scene();
    fill(made);
    made.telling.put(7, LOST);
    made.telling.delete(7);
    await made.clock.settle();
    expect(made.told).toHaveLength(TOLD_AT_ONCE_MAX);
  });
});
