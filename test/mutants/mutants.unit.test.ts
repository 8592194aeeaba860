import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectDir } from '../architecture/project-files.ts';
import { titlesIn } from '../documents/test-titles.ts';
import { MUTANTS } from './all-mutants.ts';
import { namesOf, planted } from './mutant.ts';

/** What can be told of the planted defects without running them: `npm run mutants` does that. */

describe('planted defects', () => {
  it.each(MUTANTS)('$name: there is a place for it and a test that is to notice it', (mutant) => {
    expect(() => planted(readFileSync(join(projectDir, mutant.file), 'utf8'), mutant)).not.toThrow();
    const titles = titlesIn(mutant.killedBy.file).filter((title) => title === mutant.killedBy.title);
    expect(titles).not.toEqual([]);
  });

  it('have names of their own', () => {
    const names = MUTANTS.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
  });

  it('a place that is gone, or not the only one, is an error', () => {
    expect(() => planted('a b', { file: 'x.ts', find: 'c', put: 'd' })).toThrow('0 times');
    expect(() => planted('a a', { file: 'x.ts', find: 'a', put: 'd' })).toThrow('2 times');
    expect(() => planted('a b', { file: 'x.ts', find: 'a', put: 'a' })).toThrow('nothing would be changed');
    expect(planted('a b', { file: 'x.ts', find: 'a', put: '$&' })).toBe('$& b');
  });

  it('the title of a table of tests stands for each of them, and for no other test', () => {
    expect('on_failure, exit code 0: stopped').toMatch(namesOf('%s, exit code %s: %s'));
    expect('attempt 1 of 2').not.toMatch(namesOf('attempt 1'));
    expect('of 1 (one)').toMatch(namesOf('of $n.count (one)'));
    expect('of 1 one').not.toMatch(namesOf('of 1 (one)'));
  });
});
