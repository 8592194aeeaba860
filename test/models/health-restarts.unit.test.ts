import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HealthCheck } from '../../machines/policies.ts';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import { OPERATOR, START } from '../actors/simulated-host.ts';
import { HealthRestartsModel } from './health-restarts-model.ts';
import { compare, make, moves, type Pair, pairOf, policies } from './restart-moves.ts';
import { LIMIT_MS, runs } from './runs.ts';

/** The runtime on the simulated host against a model of restarts that also has verdicts: the same, and what is waited for. */

/** One result is one verdict. */
const CHECK: HealthCheck = {
  target: { type: 'tcp', port: 80 },
  interval_ms: 5_000,
  timeout_ms: 1_000,
  start_period_ms: 0,
  failure_threshold: 1,
  success_threshold: 1,
};

const probes = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('fail' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const) }) },
  fc.record({ do: fc.constantFrom('unavailable' as const, 'change the check' as const) }),
);
const all = fc.oneof(moves, probes);
type Move = typeof all extends fc.Arbitrary<infer T> ? T : never;
type Health = Pair<HealthRestartsModel>;

async function observe({ host, id }: Health, result: 'passed' | 'failed' | 'unavailable'): Promise<void> {
  const { run, health } = parseRecord((await host.log.head(id))!.bytes).state.context;
  const window = { run: run.number, revision: health.revision };
  if (result === 'passed') host.supervisor.observe(id, { type: 'probe.passed', window });
  else host.supervisor.observe(id, { type: `probe.${result}`, window, error: 'no answer' });
  await host.clock.settle();
}

async function makeAny(pair: Health, move: Move): Promise<void> {
  const { host, id, model } = pair;
  switch (move.do) {
    case 'fail':
      model.unhealthy();
      return observe(pair, 'failed');
    case 'pass':
      model.notUnhealthy();
      return observe(pair, 'passed');
    case 'unavailable':
      return observe(pair, 'unavailable');
    case 'change the check':
      model.notUnhealthy();
      await host.supervisor.command(id, { type: 'update', by: 'ann', changes: { health_check: CHECK } }, OPERATOR);
      return;
    default:
      return make(pair, move);
  }
}

function compareHealth({ host, id, model }: Health, move: Move): void {
  const { health_status, restart } = host.instances.get(id)!;
  const { cause, waits_for } = restart?.pending ?? {};
  const shown = { unhealthy: health_status.status === 'unhealthy', cause, waits_for };
  const { isUnhealthy: unhealthy, pending, waitsFor } = model;
  const wanted = pending ? { cause: unhealthy ? 'health' : 'exit', waits_for: waitsFor } : {};
  expect({ move, ...shown }).toEqual({ move, unhealthy, ...wanted });
}

describe('restarts of unhealthy guests', () => {
  it('are those of the model, whatever is done in whatever order', { timeout: LIMIT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(policies, fc.array(all, { minLength: 20, maxLength: 60 }), async (policy, row) => {
        const model = new HealthRestartsModel(START, policy);
        const pair = await pairOf({ restart_policy: policy, health_check: CHECK }, model);
        for (const move of row) {
          await makeAny(pair, move);
          await compare(pair, move);
          compareHealth(pair, move);
        }
        await pair.host.supervisor.close();
      }),
      runs(120),
    );
  });
});
