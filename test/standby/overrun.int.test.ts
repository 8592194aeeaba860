import { describe, expect, it } from 'vitest';
import { openOverrunScene } from './overrun.ts';

/** `test/standby/overruns.ts` does the same twenty times, as one of the long checks. */
const TIMES = 2;
const LIMIT_MS = 180_000;

describe('a guest with one client, of which the kernel has told nobody', () => {
  it('is never put to sleep while its client is there, and is when it has gone', { timeout: LIMIT_MS }, async () => {
    const scene = await openOverrunScene();
    try {
      for (let time = 0; time < TIMES; time++) {
        const { losses, facts, state } = await scene.overrun();
        expect(losses[1]).toBeGreaterThan(losses[0]);
        expect(facts).not.toContain('standby.entered');
        expect(state).toContain('"lifecycle":"running"');
      }
      await scene.endAndAwaitSleep();
    } finally {
      await scene.close();
    }
  });
});
