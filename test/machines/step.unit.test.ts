import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { describe, expect, it } from 'vitest';
import { transition } from 'xstate';
import { instanceChart } from '../../machines/chart.ts';
import type { ExternalEvent } from '../../machines/events.ts';
import {
  type ChartSnapshot,
  EMPTY_SNAPSHOT,
  readActions,
  type Step,
  step,
  type TimerName,
} from '../../machines/step.ts';
import { lettersAt } from './alphabet.ts';
import { nodesUnder, ROOT } from './chart-walk.ts';
import { START } from './definitions.ts';
import type { World } from './exploration.ts';
import { type Books, EMPTY_BOOKS, noteEvent, noteStep } from './laws.ts';
import { WORLDS } from './worlds.ts';

const EVENTS = 24_000;
/** A walk begins anew after so many events, so that not all of it is spent on a deleted instance. */
const WALK_EVENTS = 60;
const LIMIT_MS = 60_000;

const AFTER = new Map<string, string>(
  nodesUnder(ROOT).flatMap((node) =>
    node.after.map(({ eventType }) => [`timer.${eventType.split('.')[2]}`, eventType] as const),
  ),
);

/** XState's own public transition, with nothing of ours but the reading of its actions. */
function publicStep(snapshot: ChartSnapshot, event: ExternalEvent): Step {
  const type = AFTER.get(event.type) ?? event.type;
  const [next, actions] = transition(instanceChart, snapshot, { ...event, type } as never);
  const read = actions.map((action) => ({ type: action.type, params: action.params }));
  return readActions(snapshot, next as ChartSnapshot, event.at, read);
}

interface Walker {
  snapshot: ChartSnapshot;
  pending: Map<TimerName, number>;
  books: Books;
  at: number;
}

function begin(): Walker {
  return { snapshot: EMPTY_SNAPSHOT, pending: new Map(), books: EMPTY_BOOKS, at: START };
}

function advance(walker: Walker, event: ExternalEvent, taken: Step): void {
  const edge = { before: walker.snapshot, event, step: taken };
  walker.books = noteStep(noteEvent(walker.books, edge), edge);
  if (taken.accepted) walker.pending.delete(event.type as TimerName);
  for (const name of taken.cancelled) walker.pending.delete(name);
  for (const { name, due } of taken.armed) walker.pending.set(name, due);
  walker.snapshot = taken.next;
  walker.at = event.at;
}

function comparable({ next, ...rest }: Step): unknown {
  return { ...rest, value: next.value, context: next.context, tags: [...next.tags].sort() };
}

function compareWalks(world: World, events: number, seed: number): number {
  const random = xoroshiro128plus(seed);
  const below = (limit: number): number => (random.next() >>> 0) % limit;
  let walker = begin();
  let accepted = 0;
  for (let n = 0; n < events; n += 1) {
    if (n % WALK_EVENTS === 0) walker = begin();
    const { definition, wanted } = world;
    const create = { type: 'create', at: START, by: 'ann', definition, wanted } as const;
    const letters = lettersAt(walker.snapshot, walker.pending, walker.books, walker.at, { ...world, throws: true });
    let event: ExternalEvent = n % WALK_EVENTS === 0 ? create : letters[below(letters.length)]!;
    for (let tries = 0; tries < 12 && !step(walker.snapshot, event).accepted; tries += 1) {
      event = letters[below(letters.length)]!;
    }
    const ours = step(walker.snapshot, event);
    expect(comparable(ours)).toEqual(comparable(publicStep(walker.snapshot, event)));
    if (ours.accepted) accepted += 1;
    advance(walker, event, ours);
  }
  return accepted;
}

describe("the step is XState's own transition", () => {
  const share = Math.ceil(EVENTS / WORLDS.length);

  it.each(WORLDS)('on seeded walks: $name', { timeout: LIMIT_MS }, (world) => {
    const accepted = compareWalks(world, share, 20_260_101);
    // Most walks end in a deletion, after which everything is refused; fewer than this would compare refusals only.
    expect(accepted).toBeGreaterThan(share / 4);
  });
});
