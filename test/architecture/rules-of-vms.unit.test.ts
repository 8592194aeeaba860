import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectDir, writtenFiles } from './project-files.ts';

/**
 * Goal: what is so in which states of a VM is said once, in machines/, and chart and readers share it. Method: whoever else
 * lists states or phases, or compares the end of a hold with the clock, is found by how such a list is written.
 */

const LISTS: readonly RegExp[] = [
  /\b(state|phase|shown)\b [!=]== '\w+' (\|\||&&) (\w+\.)?(state|phase|shown) [!=]== '/,
  /\b(hold_until|holdUntil)\b( \?\? 0\))? [<>]/,
  /stateOf\([^)]*'lifecycle'\) [!=]==/,
];

const lists = (text: string): string[] => text.split('\n').filter((line) => LISTS.some((list) => list.test(line)));

test('no reader has a rule of its own about where a VM may be', () => {
  const readers = writtenFiles().filter((path) => /^src\/(actors|gateway|projections)\//.test(path));
  expect(readers.length).toBeGreaterThan(100);
  const found = readers.flatMap((path) =>
    lists(readFileSync(join(projectDir, path), 'utf8')).map((line) => `${path}: ${line.trim()}`),
  );
  expect(found).toEqual([]);
});

test('one that had would be found', () => {
  for (const line of [
    "const mayBeHeld = state === 'Running' || state === 'Paused';",
    "const isTaking = (phase: Phase) => phase === 'preparing' || phase === 'forking';",
    "const boots = stateOf(value, 'lifecycle') === 'booting';",
    'const isHeld = hold_until !== null && hold_until > clock.now();',
  ]) {
    expect(lists(line)).toEqual([line]);
  }
});
