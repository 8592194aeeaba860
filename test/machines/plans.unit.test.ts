import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { describe, expect, it } from 'vitest';
import { type AnyActorScope, assign, createMachine, initialTransition, transition } from 'xstate';
import { instanceChart } from '../../machines/chart.ts';
import type { ChartAction } from '../../machines/plan-actions.ts';
import { createPlans } from '../../machines/plans.ts';
import {
  type ChartSnapshot,
  EMPTY_SNAPSHOT,
  type Step,
  step,
  stepByXState,
  type TimerName,
  toStateData,
} from '../../machines/step.ts';
import { lettersAt } from './alphabet.ts';
import { START } from './definitions.ts';
import { EMPTY_BOOKS, noteEvent, noteStep } from './laws.ts';
import { WORLDS } from './worlds.ts';

const WALKS = 40;
const WALK_EVENTS = 40;
/** Deletion ends in a final state, which is left to XState; everything else should be planned. */
const PLANNED_MIN = 0.85;

const SCOPE = { self: undefined, system: undefined } as unknown as AnyActorScope;

/** As text, so that the order of keys counts too: these are the bytes of records. */
function textOf({ next, ...rest }: Step): string {
  return JSON.stringify([rest, toStateData(next), [...next.tags].sort(), next.status]);
}

function walk(world: (typeof WORLDS)[number], seed: number, visit: (before: ChartSnapshot, taken: Step) => void): void {
  const random = xoroshiro128plus(seed);
  const pick = <T>(items: readonly T[]): T => items[(random.next() >>> 0) % items.length]!;
  const { definition, wanted } = world;
  const pending = new Map<TimerName, number>();
  let [ours, theirs, books, at] = [EMPTY_SNAPSHOT, EMPTY_SNAPSHOT, EMPTY_BOOKS, START];
  for (let n = 0; n < WALK_EVENTS; n++) {
    const letters = lettersAt(ours, pending, books, at, world);
    const event = n === 0 ? ({ type: 'create', at, by: 'ann', definition, wanted } as const) : pick(letters);
    const taken = step(ours, event);
    // Each way walks on from its own snapshots, so that what one leaves out of them would show later.
    const expected = stepByXState(theirs, event);
    expect(textOf(taken)).toBe(textOf(expected));
    expect(taken.next === ours).toBe(expected.next === theirs);
    visit(ours, taken);
    const edge = { before: ours, event, step: taken };
    books = noteStep(noteEvent(books, edge), edge);
    for (const name of taken.cancelled) pending.delete(name);
    for (const { name, due } of taken.armed) pending.set(name, due);
    [ours, theirs, at] = [taken.next, expected.next, event.at];
  }
}

describe('planned steps', () => {
  it.each(WORLDS)('make the very bytes that XState makes, along whole walks: $name', (world) => {
    for (let seed = 1; seed <= WALKS; seed++) walk(world, seed, () => {});
  });

  it('are taken for nearly every event, not left to XState', () => {
    const plans = createPlans<ChartSnapshot>(instanceChart, SCOPE);
    const start = { type: 'start', at: START, by: 'ann' };
    let [planned, all] = [0, 0];
    for (const world of WORLDS) {
      walk(world, 7, (before) => {
        all += 1;
        if (plans.run(before, start, []) !== null) planned += 1;
      });
    }
    expect(planned / all).toBeGreaterThan(PLANNED_MIN);
  });

  it('are not tried on what they do not cover: always, history, final states, wildcards', () => {
    const uncovered = [
      { a: { on: { go: 'b' } }, b: { always: 'c' }, c: {} },
      { a: { on: { go: 'b' } }, b: { type: 'final' } },
      { a: { on: { '*': 'b' } }, b: {} },
      { a: { on: { go: 'h' } }, h: { type: 'history', target: 'c' }, c: {} },
    ] as const;
    for (const states of uncovered) {
      const config = { type: 'parallel', states: { region: { initial: 'a', states } } };
      const machine = createMachine(config as never);
      const [begun] = initialTransition(machine);
      expect(createPlans(machine, SCOPE).run(begun as never, { type: 'go' }, [])).toBeNull();
    }
  });

  it('leave a rule that throws to XState, which says what it threw', () => {
    const failing = assign(() => {
      throw new Error('broken rule');
    });
    const states = { region: { initial: 'a', states: { a: { on: { go: { actions: failing } } } } } };
    const machine = createMachine({ type: 'parallel', states });
    const [begun] = initialTransition(machine);
    const collected: ChartAction[] = [];
    expect(createPlans(machine, SCOPE).run(begun as never, { type: 'go' }, collected)).toBeNull();
    expect(() => transition(machine, begun, { type: 'go' })).toThrow('broken rule');
  });
});
