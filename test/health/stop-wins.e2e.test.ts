import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Moment, openSickWard, type SickWard } from './sick-guests.ts';
import { momentsOfRestart, stopAtEach, written } from './stop-at.ts';

/**
 * A restart for the sake of health takes seconds with a real VM: a verdict, the host's leave, a shutdown, an end, a boot. An
 * operator who stops the instance at any moment of that has stopped it. Here are the verdict, the shutdown and the boot;
 * `npm run long every-moment` takes every moment there is.
 */

const MOMENTS: readonly Moment[] = [
  { point: 'appended', subject: 'probe.failed' },
  { point: 'effect_begun', subject: 'vmm.shutdown' },
  { point: 'effect_begun', subject: 'vmm.boot' },
];

describe('a real guest that is sick', () => {
  let ward: SickWard;
  beforeAll(async () => {
    ward = await openSickWard();
  });
  afterAll(() => ward.close());

  it('stays stopped whenever it is stopped, and one that nobody stops is restarted once and healthy again', async () => {
    const [passed] = await Promise.all([momentsOfRestart(ward), stopAtEach(ward, MOMENTS, MOMENTS.length)]);
    expect(passed.map(written)).toEqual(expect.arrayContaining(MOMENTS.map(written)));
  });
});
