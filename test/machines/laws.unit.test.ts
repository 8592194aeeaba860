import { afterAll, describe, expect, it } from 'vitest';
import * as chart from '../../machines/step.ts';
import { eventsAround, leavesOf, pathOf, region } from './chart-walk.ts';
import { type Explored, explore } from './exploration.ts';
import { UNREACHABLE, WAYS_OUT } from './law-8.ts';
import { STATES_MAX, WORLDS } from './worlds.ts';

/** All worlds together take about half a minute on a small machine that does nothing else. */
const EXPLORATION_LIMIT_MS = 180_000;

const INTERNAL = new Set([
  'boot.wanted',
  'restart.wanted',
  'standby.wanted',
  'standby.abandoned',
  'idle.confirmed',
  'expiry.reached',
  'admission.lost',
  'automation.changed',
  'room.granted',
  'room.held',
  'sleep.limit_reached',
  'definition.changed',
]);
const explored: { readonly name: string; readonly result: Explored }[] = [];

function acceptedAnywhere(): Map<string, Set<string>> {
  const all = new Map<string, Set<string>>();
  for (const { result } of explored) {
    for (const [leaf, events] of result.accepted) {
      all.set(leaf, new Set([...(all.get(leaf) ?? []), ...[...events].map((event) => event.split(' ')[0]!)]));
    }
  }
  return all;
}

describe('the laws hold on every path', () => {
  it.each(WORLDS)('$name', { timeout: EXPLORATION_LIMIT_MS }, (world) => {
    const result = explore(chart, world, { states: world.bound ?? STATES_MAX, breaches: 20 });
    explored.push({ name: world.name, result });
    expect(result.breaches).toEqual([]);
    expect(result.closed || result.states === world.bound).toBe(true);
  });
});

describe('what exploration has seen', () => {
  afterAll(() => {
    for (const { name, result } of explored) {
      const end = result.closed ? 'closed' : 'left at its bound';
      console.info(`explored ${result.states} states, ${result.edges} edges, ${end}: ${name}`);
    }
  });

  it('every state of the lifecycle is reached', () => {
    const leaves = leavesOf(region('lifecycle'))
      .map(pathOf)
      .filter((leaf) => leaf !== 'absent' && leaf !== 'deleted');
    expect([...acceptedAnywhere().keys()].sort()).toEqual(leaves.sort());
  });

  it('law 8: every state that waits is left by a result, an error and a deadline, and hears what recovery finds', () => {
    const waiting = leavesOf(region('lifecycle')).filter((leaf) =>
      leaf.tags.concat(leaf.parent!.tags).includes('waits'),
    );
    expect(waiting.map(pathOf).sort()).toEqual(Object.keys(WAYS_OUT).sort());
    for (const [leaf, ways] of Object.entries(WAYS_OUT)) {
      const accepted = acceptedAnywhere().get(leaf) ?? new Set();
      const missing = [...Object.values(ways), 'vmm.found'].filter((way) => !accepted.has(way));
      expect({ leaf, missing }).toEqual({ leaf, missing: [] });
    }
  });

  it('a transition that no path takes is one of those listed with a reason', () => {
    const taken = acceptedAnywhere();
    const never = leavesOf(region('lifecycle')).flatMap((leaf) =>
      eventsAround(leaf)
        .filter((type) => !INTERNAL.has(type) && taken.get(pathOf(leaf))?.has(type) !== true)
        .map((type) => `${pathOf(leaf)} ${type}`),
    );
    expect(never.sort()).toEqual(Object.keys(UNREACHABLE).sort());
  });
});
