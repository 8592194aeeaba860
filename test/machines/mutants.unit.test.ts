import { describe, expect, it } from 'vitest';
import { explore } from './exploration.ts';
import { MUTANTS } from './mutants.ts';
import { patchText, withMutant } from './mutated-chart.ts';
import { WORLDS } from './worlds.ts';

const MUTANT_LIMIT_MS = 60_000;
const STATES_MAX = 4_000;

describe('exploration finds every planted breach', () => {
  it.each(MUTANTS)('law $law: $breaks', { timeout: MUTANT_LIMIT_MS }, async (mutant) => {
    const world = WORLDS.find(({ name }) => name === mutant.world);
    expect(world).toBeDefined();
    const breaches = await withMutant(mutant, (chart) => {
      return explore(chart, world!, { states: STATES_MAX, breaches: 1, only: mutant.law }).breaches;
    });
    expect(breaches.map(({ law }) => law)).toEqual([mutant.law]);
  });

  it('each law has a mutant', () => {
    expect([...new Set(MUTANTS.map(({ law }) => law))].sort((a, b) => a - b)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ]);
  });

  it('a change whose place is gone is an error, not a survivor', () => {
    expect(() => patchText('a b', { file: 'x.ts', find: 'c', put: 'd' })).toThrow('0 times');
    expect(() => patchText('a a', { file: 'x.ts', find: 'a', put: 'd' })).toThrow('2 times');
  });
});
