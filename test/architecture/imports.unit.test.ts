/**
 * Goal: dependencies point inwards, and a change that bends this fails here with the offending import.
 * Method: dependency-cruiser over the whole project with the rules of .dependency-cruiser.cjs; then over a planted
 * project that breaks every rule once, so that a rule which stopped working is noticed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { projectDir } from './project-files.ts';

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

const ROOTS = ['machines', 'src', 'bin', 'test', 'bench'];

/** Each broken rule as `rule: from -> to`, sorted. */
function brokenRules(dir: string): string[] {
  const cruiser = join(projectDir, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs');
  const config = join(projectDir, '.dependency-cruiser.cjs');
  const roots = ROOTS.filter((root) => existsSync(join(dir, root)));
  const args = [cruiser, ...roots, '--config', config, '--output-type', 'json'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: dir, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (stdout === '') throw new Error(`dependency-cruiser gave no answer: ${stderr}`);
  const { summary } = JSON.parse(stdout) as { summary: { violations: Violation[]; totalCruised: number } };
  expect(summary.totalCruised).toBeGreaterThan(0);
  return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`).sort();
}

const planted: string[] = [];
afterEach(() => {
  for (const dir of planted.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** A project with these files, which sees the packages that are installed here. */
function plant(files: Record<string, string>): string {
  const dir = mkdtempSync(join(tmpdir(), 'statevisor-imports-'));
  planted.push(dir);
  symlinkSync(join(projectDir, 'node_modules'), join(dir, 'node_modules'));
  const manifest = { name: 'planted', dependencies: { zod: '*' }, devDependencies: { vitest: '*' } };
  for (const [path, text] of Object.entries({ 'package.json': JSON.stringify(manifest), ...files })) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  return dir;
}

const target = 'export type T = 1;\nexport const t = 1;\n';
const typeFrom = (path: string): string => `import type { T } from '${path}';\nexport type U = T;\n`;
const valueFrom = (path: string): string => `import { t } from '${path}';\nexport const u = t;\n`;

const targets = {
  'machines/chart.ts': target,
  'src/actors/runtime.ts': target,
  'src/actors/contracts/log.ts': target,
  'src/projections/view.ts': target,
  'src/adapters/qemu/qemu.ts': target,
  'src/adapters/simulator/world.ts': target,
  'src/gateway/door.ts': target,
  'src/cli/wiring.ts': target,
};

/** Files that each break one rule: the rule, the file, what it imports, its text. */
const offenders: readonly (readonly [rule: string, from: string, to: string, text: string])[] = [
  ['machines-imports-only-itself', 'machines/a.ts', 'src/actors/runtime.ts', typeFrom('../src/actors/runtime.ts')],
  ['src-actors-imports-only-machines', 'src/actors/a.ts', 'src/gateway/door.ts', typeFrom('../gateway/door.ts')],
  [
    'src-actors-imports-only-machines',
    'src/actors/b.ts',
    'src/adapters/qemu/qemu.ts',
    "export async function late() {\n  return (await import('../adapters/qemu/qemu.ts')).t;\n}\n",
  ],
  [
    'src-projections-imports-only-machines-and-src-actors-contracts',
    'src/projections/a.ts',
    'src/actors/runtime.ts',
    valueFrom('../actors/runtime.ts'),
  ],
  [
    'src-gateway-imports-only-machines-and-src-actors-and-src-projections',
    'src/gateway/a.ts',
    'src/adapters/qemu/qemu.ts',
    typeFrom('../adapters/qemu/qemu.ts'),
  ],
  [
    'an-adapter-imports-only-the-contracts',
    'src/adapters/qemu/a.ts',
    'src/adapters/simulator/world.ts',
    typeFrom('../simulator/world.ts'),
  ],
  [
    'an-adapter-imports-only-the-contracts',
    'src/adapters/qemu/b.ts',
    'src/actors/runtime.ts',
    valueFrom('../../actors/runtime.ts'),
  ],
  [
    'an-adapter-imports-only-the-contracts',
    'src/adapters/qemu/c.ts',
    'machines/chart.ts',
    valueFrom('../../../machines/chart.ts'),
  ],
  ['src-imports-no-test-or-bench', 'src/cli/a.ts', 'test/fake.ts', valueFrom('../../test/fake.ts')],
  ['bin-stands-alone', 'bin/a.js', 'src/cli/wiring.ts', valueFrom('../src/cli/wiring.ts')],
  ['machines-do-no-input-or-output', 'machines/b.ts', 'fs', "import 'node:fs';\n"],
  ['every-import-is-found', 'src/cli/b.ts', './nowhere.ts', valueFrom('./nowhere.ts')],
  [
    'what-src-imports-is-a-dependency',
    'src/gateway/b.ts',
    'vitest',
    "import { expect } from 'vitest';\nexport const e = expect;\n",
  ],
];

/** Every file is read, which takes its time on a busy machine. */
vi.setConfig({ testTimeout: 60_000 });

describe('dependencies point inwards', () => {
  test('this project keeps the rules', () => {
    expect(brokenRules(projectDir)).toEqual([]);
  });

  test('what the rules allow is not reported', () => {
    const dir = plant({
      ...targets,
      'src/actors/a.ts': valueFrom('../../machines/chart.ts'),
      'src/adapters/qemu/a.ts': `${typeFrom('../../actors/contracts/log.ts')}import { t } from './qemu.ts';\nexport const v = t;\n`,
      'src/projections/a.ts': valueFrom('../../machines/chart.ts') + typeFrom('../actors/contracts/log.ts'),
      'src/gateway/a.ts': valueFrom('../projections/view.ts') + typeFrom('../actors/runtime.ts'),
      'src/cli/a.ts': valueFrom('../adapters/qemu/qemu.ts') + typeFrom('../gateway/door.ts'),
      'machines/a.ts': "import { z } from 'zod';\nexport const s = z.string();\n",
      'test/a.ts': `import { expect } from 'vitest';\nexport const e = expect;\n`,
    });
    expect(brokenRules(dir)).toEqual([]);
  });

  test('each import against the rules is reported, with its rule, and nothing else is', () => {
    const dir = plant({
      ...targets,
      'test/fake.ts': target,
      ...Object.fromEntries(offenders.map(([, from, , text]) => [from, text])),
    });
    const expected = offenders.map(([rule, from, to]) => `${rule}: ${from} -> ${to}`).sort();
    const found = brokenRules(dir).map((line) => line.replace(/-> .*node_modules\/vitest\/.*/, '-> vitest'));
    expect(found).toEqual(expected);
  });

  test('a cycle of loaded files is reported, a cycle of types is not', () => {
    const types = { 'src/actors/a.ts': typeFrom('./b.ts') + target, 'src/actors/b.ts': typeFrom('./a.ts') + target };
    expect(brokenRules(plant(types))).toEqual([]);
    const values = { 'src/actors/a.ts': valueFrom('./b.ts') + target, 'src/actors/b.ts': valueFrom('./a.ts') + target };
    expect(brokenRules(plant(values)).map((line) => line.split(':')[0])).toContain('no-cycles');
  });
});
