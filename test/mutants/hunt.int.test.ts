import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { hunt } from './hunt.ts';
import type { Mutant } from './mutant.ts';

/** The hunt itself, over defects of which it is known what has to come of them. */

const killedBy = { file: 'test/actors/mailbox.unit.test.ts', title: 'never merges exits, results or commands' };
const file = 'src/actors/mailbox.ts';
const find = 'key === null ? -1 :';

const CASES: readonly (Mutant & { readonly why: string })[] = [
  { name: 'noticed', file, find, put: 'key === null ? this.#letters.length - 1 :', killedBy, why: '' },
  { name: 'not noticed', file, find, put: 'key === null ? -2 :', killedBy, why: 'the test passes all the same' },
  { name: 'its place is gone', file, find: 'nowhere', put: '', killedBy, why: '0 times, not once' },
  { name: 'a program that cannot be read', file, find, put: ')', killedBy, why: 'the file of the test cannot be run' },
  {
    name: 'an error that is no assertion',
    file,
    find: 'get size(): number {',
    put: "get size(): number {\n    if (this.#commands >= 0) throw new Error('broken');",
    killedBy,
    why: 'not by an assertion: broken',
  },
  {
    name: 'no such test',
    file,
    find,
    put: 'key === null ? 0 :',
    killedBy: { ...killedBy, title: 'x' },
    why: 'no test of that name has run',
  },
];

/** Of this process: somebody else may hunt on this machine meanwhile. */
const copies = (): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith(`statevisor-mutants-${process.pid}-`));

it('counts only what the named test notices by an assertion, and leaves nothing behind', async () => {
  const before = copies();
  const results = await hunt(CASES, 1, () => {});
  for (const [index, { name, why }] of CASES.entries()) {
    const told = { killed: name === 'noticed', why: expect.stringContaining(why) };
    expect([name, results[index]]).toEqual([name, expect.objectContaining(told)]);
  }
  expect(copies().filter((name) => !before.includes(name) && existsSync(`${tmpdir()}/${name}`))).toEqual([]);
});
