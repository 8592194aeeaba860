/**
 * Goal: no promise is left alone, also none that Node or a package makes, which the linter's own rule does not see.
 * Method: the compiler's types over the whole project, and over a planted file that leaves one in every way.
 */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { floatingPromises } from './floating-promises.ts';
import { projectDir } from './project-files.ts';

/** Every file is read, which takes its time on a busy machine. */
vi.setConfig({ testTimeout: 180_000 });

test('every promise in this project is awaited, returned, handled or set aside with void', () => {
  expect(floatingPromises(projectDir)).toEqual([]);
  expect(floatingPromises(join(projectDir, 'src/gateway/inspector/page'))).toEqual([]);
});

test('promises of Node, of packages and of the project are seen, and handled ones are allowed', () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'statevisor-promises-')));
  const text = `import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import fastify from 'fastify';
export async function f(door?: { close(): Promise<void> }): Promise<void> {
  rm('a');
  once(process, 'exit');
  fastify().close();
  door?.close();
  rm('a').then(() => {});
  rm('a').finally(() => {});
  new Promise(() => {});
  await rm('a');
  void rm('a');
  rm('a').catch(() => {});
  rm('a').then(() => {}, () => {});
  rm('a').catch(() => {}).finally(() => {});
  const kept = rm('a');
  process.exit(await kept.then(() => 0));
}
`;
  try {
    mkdirSync(join(dir, 'src'));
    writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
    cpSync(join(projectDir, 'tsconfig.json'), join(dir, 'tsconfig.json'));
    symlinkSync(join(projectDir, 'node_modules'), join(dir, 'node_modules'));
    writeFileSync(join(dir, 'src', 'sample.ts'), text);
    const lines = [5, 6, 7, 8, 9, 10, 11];
    expect(floatingPromises(dir)).toEqual(lines.map((line) => `src/sample.ts:${line}`));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
