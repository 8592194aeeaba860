/**
 * Goal: the code stays readable, repeatable and free of leftovers, without anybody having to remember the rules.
 * Method: every rule runs over the whole project (the linter's own rules by `biome check`, which `npm test` runs
 * first), and every rule is shown to fail on a planted sample.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { projectDir, writtenFiles } from './project-files.ts';
import { emptyNames, leftOutTests, longTestFunctions, machinePlaces, unfinishedMarks } from './readable-rules.ts';

const files = writtenFiles();
const read = (path: string): string => readFileSync(join(projectDir, path), 'utf8');

/** What a rule finds in the project, as `path: line N: what is wrong`. */
function found(rule: (text: string) => string[], paths: readonly string[]): string[] {
  return paths.flatMap((path) => rule(read(path)).map((offence) => `${path}: ${offence}`));
}

const isTest = (path: string): boolean => /^test\/.*\.ts$/.test(path);
const isCode = (path: string): boolean => /\.(ts|js|cjs|grit)$/.test(path) || path === '.ci/run';

describe('names', () => {
  test('every file is named for what is in it', () => {
    expect(files.flatMap(emptyNames)).toEqual([]);
  });

  test.each([
    'src/utils.ts',
    'src/actors/string-helpers.ts',
    'src/common/a.ts',
    'machines/vm-manager.ts',
    'test/util/a.ts',
  ])('%s would be refused', (path) => {
    expect(emptyNames(path)).toHaveLength(1);
  });

  test('words that merely contain such a word are allowed', () => {
    expect(['src/commons-licence.ts', 'src/management.ts', 'src/utility-bills.ts'].flatMap(emptyNames)).toEqual([]);
  });
});

describe('leftovers', () => {
  test('no unfinished work is left in the code', () => {
    expect(found(unfinishedMarks, files.filter(isCode))).toEqual([]);
    for (const mark of ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'])
      expect(unfinishedMarks(`\n// ${mark}: later`)).toHaveLength(1);
  });

  test('no place of one machine is named', () => {
    expect(found(machinePlaces, files)).toEqual([]);
    expect(machinePlaces(`const dir = '/${'work'}/main';\nconst url = 'http://host/${'work'}/x';`)).toEqual([
      'line 1: a place that exists on one machine only',
    ]);
  });

  test('no test is left out and none is the only one', () => {
    expect(found(leftOutTests, files.filter(isTest))).toEqual([]);
    const samples = [
      'test.sk' + "ip('a'",
      'describe.on' + 'ly(',
      'test.to' + "do('a')",
      'test.sk' + 'ipIf(',
      'x' + "it('a'",
    ];
    for (const sample of samples) expect(leftOutTests(sample), sample).toHaveLength(1);
  });
});

describe('size', () => {
  test('every function of a test fits a screen', () => {
    expect(found(longTestFunctions, files.filter(isTest))).toEqual([]);
    const body = (lines: number): string => '    work();\n'.repeat(lines);
    const sample = (lines: number): string => `describe('a', () => {\n  test('b', () => {\n${body(lines)}  });\n});\n`;
    expect(longTestFunctions(sample(70))).toEqual([]);
    expect(longTestFunctions(sample(71))).toEqual(['line 2: a function of 71 lines']);
  });
});

const asyncCall = 'async function f(): Promise<void> {}\nexport function g(): void {\n';
const leftOut = ["import { test } from 'vitest';", `test.${'skip'}('a', () => {});`, `test.${'only'}('b', () => {});`];

/** Rules of the linter, each with a text that breaks it. */
const lintSamples: readonly (readonly [rule: string, name: string, text: string])[] = [
  ['no promise is left alone', 'nursery/noFloatingPromises', `${asyncCall}  f();\n}\n`],
  [
    'no promise of another file is left alone',
    'nursery/noFloatingPromises',
    "import { later, type Door } from './promising.ts';\nexport function g(door: Door): void {\n  later();\n  door.close();\n}\n",
  ],
  ['no promise is a truth value', 'nursery/noMisusedPromises', `${asyncCall}  if (f()) throw new Error('a');\n}\n`],
  ['no any', 'suspicious/noExplicitAny', 'export const a: any = 1;\n'],
  ['no enum', 'style/noEnum', 'export enum A {\n  b,\n}\n'],
  ['types are imported as types', 'style/useImportType', "import { A } from './a.ts';\nexport type B = A;\n"],
  ['a function fits a screen', 'complexity/noExcessiveLinesPerFunction', `${asyncCall}${'  void 0;\n'.repeat(71)}}\n`],
  ['a file fits a short read', 'style/noExcessiveLinesPerFile', 'export {};\n'.repeat(301)],
  ['no test is skipped', 'suspicious/noSkippedTests', leftOut.join('\n')],
  ['no test is the only one', 'suspicious/noFocusedTests', leftOut.join('\n')],
];

/** Ways to read the machine's time or chance. */
const timeSamples: readonly string[] = [
  'export const a = Date.now();',
  'export const a = Date.now;',
  'export const a = new Date();',
  'export const a = Math.random();',
  'export const a = performance.now();',
  'setTimeout(() => {}, 1);',
  'setInterval(() => {}, 1);',
  'setImmediate(() => {});',
  'globalThis.setTimeout(() => {}, 1);',
  'export const a = crypto.randomUUID();',
  "import { randomUUID } from 'node:crypto';\nexport const a = randomUUID;",
  "import { setTimeout as wait } from 'node:timers/promises';\nexport const a = wait;",
  "import * as timers from 'node:timers';\nexport const a = timers;",
  "import { performance as clock } from 'node:perf_hooks';\nexport const a = clock;",
];
const timePlaces = ['src/gateway', 'machines', 'test', 'bin'] as const;

const clockUses = 'export const a = Date.now() + Math.random() + performance.now();\nsetTimeout(() => {}, a);\n';
const planted: Record<string, string> = {
  'src/promising.ts':
    'export async function later(): Promise<void> {}\nexport interface Door {\n  close(): Promise<void>;\n}\n',
  'src/badName.ts': 'export {};\n',
  'src/good-name.unit.test.ts': 'export {};\n',
  'src/actors/clock.ts': clockUses,
  'src/given-instant.ts': 'export const a = new Date(0).toISOString();\n',
  'bench/monotonic.ts': 'export const a = performance.now();\n',
  'bench/delay.ts':
    "import { monitorEventLoopDelay, performance } from 'node:perf_hooks';\nexport const a = [monitorEventLoopDelay, performance];\n",
  'bench/wait.ts': "import { setTimeout as wait } from 'node:timers/promises';\nexport const a = wait;\n",
  'bench/timer.ts': 'setTimeout(() => {}, 1);\n',
  'bench/chance.ts': 'export const a = Math.random();\n',
};
lintSamples.forEach(([, , text], index) => {
  planted[`src/lint-${index}.ts`] = text;
});
timeSamples.forEach((text, index) => {
  for (const place of timePlaces) planted[`${place}/time-${index}.${place === 'bin' ? 'js' : 'ts'}`] = `${text}\n`;
});

/** The rules of the linter that each planted file breaks under the project's own settings, by path. */
const broken = new Map<string, string[]>();
beforeAll(() => {
  const dir = mkdtempSync(join(tmpdir(), 'statevisor-lint-'));
  cpSync(join(projectDir, 'biome.json'), join(dir, 'biome.json'));
  cpSync(join(projectDir, 'biome'), join(dir, 'biome'), { recursive: true });
  for (const [path, text] of Object.entries(planted)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  const biome = join(projectDir, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  const args = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '.'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: dir, encoding: 'utf8', maxBuffer: 2 ** 28 });
  rmSync(dir, { recursive: true, force: true });
  if (stdout === '') throw new Error(`the linter gave no answer: ${stderr}`);
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { category: string; severity: string; location: { path: string } }[];
  };
  for (const { category, severity, location } of diagnostics) {
    if (severity === 'error') broken.set(location.path, [...(broken.get(location.path) ?? []), category]);
  }
});
const brokenBy = (path: string): string[] => {
  expect(Object.keys(planted)).toContain(path);
  return broken.get(path) ?? [];
};

describe('the linter enforces', () => {
  test.each(lintSamples.map(([rule, name], index) => ({ rule, name, index })))('$rule', ({ name, index }) => {
    expect(brokenBy(`src/lint-${index}.ts`)).toContain(`lint/${name}`);
  });

  test('files are named in kebab-case', () => {
    expect(brokenBy('src/badName.ts')).toContain('lint/style/useFilenamingConvention');
    expect(brokenBy('src/good-name.unit.test.ts')).toEqual([]);
  });
});

describe('time and chance come from one module', () => {
  test.each(timeSamples.map((text, index) => ({ text, index })))('$text is refused', ({ index }) => {
    for (const place of timePlaces) {
      const path = `${place}/time-${index}.${place === 'bin' ? 'js' : 'ts'}`;
      expect(brokenBy(path), path).not.toEqual([]);
    }
  });

  test('the clock module may read them, and a given instant may be shown anywhere', () => {
    expect(brokenBy('src/actors/clock.ts')).toEqual([]);
    expect(brokenBy('src/given-instant.ts')).toEqual([]);
  });

  test('a benchmark may read the monotonic clock and nothing else', () => {
    expect(brokenBy('bench/monotonic.ts')).toEqual([]);
    expect(brokenBy('bench/delay.ts')).toEqual([]);
    expect(brokenBy('bench/wait.ts')).not.toEqual([]);
    expect(brokenBy('bench/timer.ts')).not.toEqual([]);
    expect(brokenBy('bench/chance.ts')).not.toEqual([]);
  });
});
