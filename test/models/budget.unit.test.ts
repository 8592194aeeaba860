import fc from 'fast-check';
import { describe, it } from 'vitest';
import { START } from '../actors/simulated-host.ts';
import { BudgetModel } from './budget-model.ts';
import { compare, make, moves, pairOf, policies } from './restart-moves.ts';
import { LIMIT_MS, runs } from './runs.ts';

/**
 * The runtime on the simulated host against a model of the budget that fits a page: whatever is done in whatever order, after
 * each step the status of restarts, the VM, and how often it was booted are what the model says.
 */

describe('restarts', () => {
  it('are those of the model, whatever is done in whatever order', { timeout: LIMIT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(policies, fc.array(moves, { minLength: 20, maxLength: 60 }), async (policy, all) => {
        const pair = await pairOf({ restart_policy: policy }, new BudgetModel(START, policy));
        for (const move of all) {
          await make(pair, move);
          await compare(pair, move);
        }
        await pair.host.supervisor.close();
      }),
      runs(200),
    );
  });
});
