import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { bootsOf, definition, OPERATOR, type SimulatedHost, START, simulatedHost } from '../actors/simulated-host.ts';
import { type Budget, BudgetModel, type Policy } from './budget-model.ts';
import { LIMIT_MS, runs } from './runs.ts';

/**
 * The runtime on the simulated host against a model of the budget that fits a page: whatever is done in whatever order, after
 * each step the status of restarts, the VM, and how often it was booted are what the model says.
 */

const LOOK_MS = 1_000;
const by = 'ann';

/** None of these meets another, or the times of guests, in one instant. */
const policies: fc.Arbitrary<Policy> = fc.record({
  policy: fc.constantFrom('on_failure', 'always'),
  backoff_ms: fc.constantFrom(3_001, 7_003, 20_011),
  max_attempts: fc.constantFrom(0, 1, 2, 3),
  stable_after_ms: fc.constantFrom(5_023, 31_039),
});

const moves = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 10, max: 40_000 }) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('exit' as const), code: fc.constantFrom(0, 1, 137) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait for the guest' as const) }) },
  fc.record({ do: fc.constant('start' as const) }),
  fc.record({ do: fc.constant('stop' as const) }),
  fc.record({ do: fc.constant('restart' as const) }),
  fc.record({ do: fc.constant('cancel' as const) }),
  fc.record({ do: fc.constant('reset' as const) }),
  fc.record({ do: fc.constant('update' as const), policy: fc.option(policies, { nil: null }) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), ms: fc.integer({ min: 0, max: 30_000 }) }) },
  fc.record({ do: fc.constant('step the clock' as const), ms: fc.integer({ min: 1_000, max: 60_000 }) }),
);
type Move = typeof moves extends fc.Arbitrary<infer T> ? T : never;

interface Pair {
  readonly host: SimulatedHost;
  readonly id: string;
  readonly model: BudgetModel;
}

/** Both do it; what makes no sense in the present state is left out. */
async function make({ host, id, model }: Pair, move: Move): Promise<void> {
  const command = (type: 'start' | 'stop' | 'restart' | 'cancel_restart' | 'reset_restart') =>
    host.supervisor.command(id, { type, by }, OPERATOR);
  const wait = async (ms: number): Promise<void> => {
    model.advance(ms);
    await host.clock.advance(ms);
  };
  switch (move.do) {
    case 'wait':
      return wait(move.ms);
    case 'wait for the guest':
      return wait(1_500);
    case 'exit':
      if (model.vm !== 'up') return;
      model.exit(move.code);
      return host.control.guestExit(id, move.code);
    case 'start':
      model.start();
      return void (await command('start'));
    case 'stop':
      if (model.vm === 'booting') return;
      model.stop();
      return void (await command('stop'));
    case 'restart':
      if (model.vm === 'booting') return;
      model.restart();
      return void (await command('restart'));
    case 'cancel':
      if (!model.pending) return;
      model.cancel();
      return void (await command('cancel_restart'));
    case 'reset':
      if (model.wanted === 'stopped') return;
      model.reset();
      return void (await command('reset_restart'));
    case 'update':
      model.update(move.policy);
      await host.supervisor.command(id, { type: 'update', by, changes: { restart_policy: move.policy } }, OPERATOR);
      return;
    case 'crash':
      return crash({ host, id, model }, move.ms);
    case 'step the clock':
      return step({ host, id, model }, move.ms);
  }
}

/** With a VM the next daemon is there at once: what it does not see of a life is another question. */
async function crash({ host, model }: Pair, ms: number): Promise<void> {
  if (model.vm === 'stopping') return;
  if (model.vm !== 'off') return host.restart();
  await host.supervisor.close();
  await host.clock.advance(ms);
  await host.restart();
  model.blackout(ms);
}

/** What a step makes overdue happens when it is noticed: only while nothing is due is the model exact. */
async function step({ host, model }: Pair, ms: number): Promise<void> {
  if (model.pending || model.vm !== 'up') return;
  host.clock.step(ms);
  await host.clock.advance(LOOK_MS);
  model.step(ms, LOOK_MS);
}

const instant = (text: string | undefined): number | null => (text === undefined ? null : Date.parse(text));

function budgetShown({ restart_status: status }: InstanceView): Budget {
  return {
    attempts: status?.attempts ?? 0,
    last: instant(status?.last_attempt_at),
    next: instant(status?.next_attempt_at),
    blocked: (status?.blocked_reason ?? null) as Budget['blocked'],
  };
}

const STATE = { off: 'Stopped', booting: 'Initializing', up: 'Running', stopping: 'Shutdown' } as const;

async function compare({ host, id, model }: Pair, move: Move): Promise<void> {
  await host.clock.advance(0);
  const view = host.instances.get(id)!;
  const { now: at, budget, boots } = model;
  const shown = { at: host.clock.now(), state: view.state, budget: budgetShown(view), boots: await bootsOf(host, id) };
  expect({ move, ...shown }).toEqual({ move, at, state: STATE[model.vm], budget, boots });
}

describe('restarts', () => {
  it('are those of the model, whatever is done in whatever order', { timeout: LIMIT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(policies, fc.array(moves, { minLength: 10, maxLength: 40 }), async (policy, all) => {
        const host = await simulatedHost({ clockLookMs: LOOK_MS });
        const { id } = await host.supervisor.create(definition({ restart_policy: policy }), 'running', OPERATOR);
        await host.clock.settle();
        const pair = { host, id, model: new BudgetModel(START, policy) };
        for (const move of all) {
          await make(pair, move);
          await compare(pair, move);
        }
        await host.supervisor.close();
      }),
      runs(100),
    );
  });
});
