import { join } from 'node:path';
import { createVitest, type TestCase, type TestRunResult, type Vitest } from 'vitest/node';
import { type NamedTest, namesOf } from './mutant.ts';
import type { Question, Verdict } from './tester.ts';

/** Runs one named test of the copy of the project that it was started in, again and again, and tells how it went. */

/** Of what went wrong, as much as fits a row. */
const WHY_MAX_CHARS = 160;
const CAUSES_MAX = 5;

interface Told {
  readonly name?: string;
  readonly code?: unknown;
  readonly message: string;
  readonly cause?: unknown;
}

const broken = (why: string): Verdict => ({ outcome: 'broken', why: firstLine(why) });

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, WHY_MAX_CHARS);
}

/** A property that does not hold is told with what failed as its cause, which may be no more than that it is false. */
function isAssertion(error: Told | undefined, depth = 0): boolean {
  if (error === undefined || depth === CAUSES_MAX) return false;
  if (error.name === 'AssertionError' || error.code === 'ERR_ASSERTION') return true;
  if (error.message === 'Property failed by returning false') return true;
  return isAssertion(error.cause as Told | undefined, depth + 1);
}

/** Vitest also tells of every other file that this process has run so far. */
function judge({ testModules, unhandledErrors }: TestRunResult, { file, title }: NamedTest): Verdict {
  const [unhandled] = unhandledErrors;
  if (unhandled !== undefined) return broken(`an error that nobody caught: ${String((unhandled as Told).message)}`);
  const modules = testModules.filter(({ moduleId }) => moduleId === join(process.cwd(), file));
  const [moduleError] = modules.flatMap((module) => module.errors());
  if (moduleError !== undefined) return broken(`the file of the test cannot be run: ${moduleError.message}`);
  const tests = modules.flatMap((module) => [...module.children.allTests()]).filter(ran(title));
  if (tests.length === 0) return broken('no test of that name has run');
  const errors: readonly Told[] = tests.flatMap((test) => test.result().errors ?? []);
  if (errors.length === 0) return { outcome: 'passed', why: '' };
  const other = errors.find((error) => !isAssertion(error));
  if (other !== undefined) return broken(`not by an assertion: ${other.message}`);
  return { outcome: 'failed', why: firstLine(errors[0]?.message ?? '') };
}

const ran =
  (title: string) =>
  (test: TestCase): boolean =>
    namesOf(title).test(test.name) && ['passed', 'failed'].includes(test.result().state);

/** The project of vitest whose files are named so: unit, int or e2e. */
function kindOf(file: string): string {
  return /\.(\w+)\.test\.ts$/.exec(file)?.[1] ?? '';
}

async function answer(vitest: Vitest, { test, changed }: Question): Promise<Verdict> {
  for (const path of changed) vitest.invalidateFile(path);
  const project = vitest.projects.find(({ name }) => name === kindOf(test.file));
  if (project === undefined) return broken(`${test.file} is no file of tests`);
  const { source } = namesOf(test.title);
  const testNamePattern = new RegExp(`(^| )${source.slice(1)}`);
  const specification = project.createSpecification(join(process.cwd(), test.file), { testNamePattern });
  return judge(await vitest.runTestSpecifications([specification]), test);
}

/** The workers of vitest are in the group of this process; none of them outlives whoever asked. */
process.on('disconnect', () => process.kill(-process.pid, 'SIGKILL'));

const vitest = await createVitest('test', { watch: false, reporters: [{}], maxWorkers: 1, fsModuleCache: false });
process.on('message', (question: Question) => {
  void answer(vitest, question)
    .catch((error: unknown) => broken(String(error)))
    .then((verdict) => process.send?.(verdict));
});
process.send?.('ready');
