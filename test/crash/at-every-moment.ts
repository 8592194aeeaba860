import { expect } from 'vitest';
import type { Scene } from './moments-scenes.ts';
import { type Course, type Interference, play } from './moments-world.ts';

export interface At {
  readonly index: number;
  readonly where: string;
}

/** A scene is played undisturbed to learn its moments, and then once more for every one of them. */
export async function atEveryMoment(
  scene: Scene,
  interference: Interference,
  judge: (course: Course, at: At) => void | Promise<void>,
): Promise<void> {
  const { moments } = await play(scene, 'nothing', 0);
  for (const [index, { point, subject }] of moments.entries()) {
    const course = await play(scene, interference, index + 1);
    const where = `${interference} at ${index + 1}, ${point} ${subject}`;
    expect([where, course.violations]).toEqual([where, []]);
    const { recorded, stored } = course.snapshots;
    expect([where, recorded.filter((name) => !stored.includes(name))], 'is on record and nowhere else').toEqual([
      where,
      [],
    ]);
    await judge(course, { index, where });
  }
}
