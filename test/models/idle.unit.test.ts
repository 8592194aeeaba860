import fc from 'fast-check';
import { describe, it } from 'vitest';
import { IdleModel } from './idle-model.ts';
import { compare, make, moves, pairOf, timeouts } from './idle-moves.ts';
import { LIMIT_MS, runs, SLOW_SHARE } from './runs.ts';

/**
 * The runtime on a simulated host, with its table of connections, against a model of idle guests that fits two pages:
 * whatever happens in whatever order, nobody is put to sleep who must not be, and nobody stays awake for no reason.
 */

describe('standby', () => {
  it('comes when the model says that it may, and by when it says that it must', { timeout: LIMIT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(timeouts, fc.array(moves, { minLength: 10, maxLength: 40 }), async (timeoutMs, row) => {
        const pair = await pairOf(timeoutMs, (now) => new IdleModel(now, timeoutMs));
        for (const move of row) {
          await make(pair, move);
          await compare(pair, move);
        }
        pair.life?.kill();
      }),
      runs(60, SLOW_SHARE),
    );
  });
});
