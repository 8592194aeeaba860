import { availableParallelism } from 'node:os';
import { MUTANTS } from './all-mutants.ts';
import { hunt, type Result } from './hunt.ts';
import { removeAbandonedCopies } from './project-copy.ts';

/**
 * `npm run mutants`: plants each defect of test/mutants in a copy of the project and runs the one test that is to notice
 * it. Arguments: parts of names, to run only these. Exit status 1: one was not noticed, or cannot be planted any more.
 */

const SIDE_BY_SIDE_MAX = 2;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function tell({ mutant, killed, why }: Result): void {
  say(`${killed ? 'killed  ' : 'SURVIVED'}  ${mutant.name}`);
  if (!killed) say(`          ${why}\n          ${mutant.file}; ${mutant.killedBy.file}: ${mutant.killedBy.title}`);
}

const parts = process.argv.slice(2);
const chosen = MUTANTS.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)));
removeAbandonedCopies();
const results = await hunt(chosen, Math.min(SIDE_BY_SIDE_MAX, availableParallelism()), tell);
const killed = results.filter((result) => result.killed).length;
say(`\n${killed} of ${results.length} planted defects are noticed by the test that is named for them.`);
process.exit(killed === results.length && results.length > 0 ? 0 : 1);
