import fc from 'fast-check';
import { expect } from 'vitest';
import type { Definition } from '../../machines/definition.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { bootsOf, definition, OPERATOR, type SimulatedHost, simulatedHost } from '../actors/simulated-host.ts';
import type { Budget, BudgetModel, Policy } from './budget-model.ts';

/** What can be done to an instance under a restart policy, done to the runtime and to a model of it alike. */

const LOOK_MS = 1_000;
/** By then a guest is ready or down, whatever was asked of it. */
const GUEST_MS = 1_700;
const by = 'ann';

/** None of these meets another, or the times of guests, in one instant. */
const plain = {
  policy: fc.constantFrom('on_failure' as const, 'always' as const),
  backoff_ms: fc.constantFrom(3_001, 7_003, 20_011),
  max_attempts: fc.constantFrom(0, 0, 1, 2, 3, 5),
  stable_after_ms: fc.constantFrom(5_023, 31_039, 400_069),
  stability_period_ms: fc.constantFrom(undefined, 9_041, 60_077),
};
const codes = fc.constantFrom<number[] | undefined>(undefined, [0], [1], [0, 137]);
const rules = fc.record({ restart: codes, never: codes });

export const policies: fc.Arbitrary<Policy> = fc
  .tuple(
    fc.record(plain),
    fc.oneof(
      fc.constant({}),
      fc.record({ backoff_max_ms: fc.constantFrom(20_021, 90_031) }),
      fc.record({ delays_ms: fc.constantFrom<number[]>([2_063], [17_077, 1_087], [1_091, 4_093, 33_107]) }),
    ),
    fc.option(rules, { nil: undefined }),
  )
  .map(([policy, delays, exit_codes]) => ({ ...policy, ...delays, exit_codes }));

/** Seldom, or no window would ever be used up. */
const interventions = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('start' as const) }) },
  fc.record({ do: fc.constantFrom('stop' as const, 'restart' as const, 'cancel' as const, 'reset' as const) }),
  fc.record({ do: fc.constant('update' as const), policy: fc.option(policies, { nil: null }) }),
);

export const moves = fc.oneof(
  { weight: 2, arbitrary: interventions },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 10, max: 40_000 }) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('exit' as const), code: fc.constantFrom(0, 1, 137) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait for the guest' as const) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('wait for the restart' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait until stable' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), ms: fc.integer({ min: 0, max: 30_000 }) }) },
  fc.record({ do: fc.constant('step the clock' as const), ms: fc.integer({ min: 1_000, max: 60_000 }) }),
);
export type Move = typeof moves extends fc.Arbitrary<infer T> ? T : never;

export interface Pair<M extends BudgetModel = BudgetModel> {
  readonly host: SimulatedHost;
  readonly id: string;
  readonly model: M;
}

export async function pairOf<M extends BudgetModel>(changes: Partial<Definition>, model: M): Promise<Pair<M>> {
  const host = await simulatedHost({ clockLookMs: LOOK_MS });
  const { id } = await host.supervisor.create(definition(changes), 'running', OPERATOR);
  await host.clock.settle();
  return { host, id, model };
}

/** Both do it; what makes no sense in the present state is left out. */
export async function make({ host, id, model }: Pair, move: Move): Promise<void> {
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
      return wait(GUEST_MS);
    case 'wait for the restart':
      return wait(Math.max(0, (model.budget.next ?? 0) - model.now) + GUEST_MS);
    case 'wait until stable':
      return wait(model.policy?.stable_after_ms ?? 0);
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

export async function compare({ host, id, model }: Pair, move: object): Promise<void> {
  await host.clock.advance(0);
  const view = host.instances.get(id)!;
  const { now: at, budget, boots } = model;
  const shown = { at: host.clock.now(), state: view.state, budget: budgetShown(view), boots: await bootsOf(host, id) };
  expect({ move, ...shown }).toEqual({ move, at, state: STATE[model.vm], budget, boots });
}
