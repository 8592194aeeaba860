/**
 * Goal: the entry points are the program they start, as far as anybody outside can tell. Method: a real wrapper around a
 * real child, observed from outside.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { projectDir } from '../architecture/project-files.ts';

let dir: string;
const started: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statevisor-become-'));
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

/** Starts a wrapper that becomes a Node running `program`, with these arguments. */
function wrapped(program: string, ...args: string[]) {
  const processes = JSON.stringify(join(projectDir, 'bin', 'processes.js'));
  const inner = join(dir, 'program.mjs');
  const outer = join(dir, 'wrapper.mjs');
  writeFileSync(inner, program);
  writeFileSync(
    outer,
    `import { become, childEnv } from ${processes};
become(process.execPath, [${JSON.stringify(inner)}, ...process.argv.slice(2)], childEnv());
`,
  );
  const child = spawn(process.execPath, [outer, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  started.push(child);
  return child;
}

const ready = `console.log('ready');\nprocess.stdin.resume();\n`;

test('arguments, input, output and the exit code pass through', async () => {
  const child = wrapped(
    `import { text } from 'node:stream/consumers';
console.log(JSON.stringify([process.argv.slice(2), await text(process.stdin)]));
process.exit(7);
`,
    '--json',
    'a b',
  );
  child.stdin.end('given');
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  expect(JSON.parse(output)).toEqual([['--json', 'a b'], 'given']);
  expect([code, signal]).toEqual([7, null]);
});

test("the project's own tools come first in the child's PATH", async () => {
  const child = wrapped('console.log(process.env.PATH);');
  expect((await text(child.stdout)).split(':')[0]).toBe(join(projectDir, 'node_modules', '.bin'));
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s reaches a child that handles it, and its exit code is ours',
  async (signal) => {
    const child = wrapped(`process.on('${signal}', () => process.exit(42));\n${ready}`);
    await once(child.stdout, 'data');
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([42, null]);
  },
);

test('when a signal ends the child, the same signal ends the wrapper', async () => {
  const child = wrapped(ready);
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
});

test('a program that cannot be started is told and ends with 127', async () => {
  const processes = JSON.stringify(join(projectDir, 'bin', 'processes.js'));
  const outer = join(dir, 'wrapper.mjs');
  writeFileSync(outer, `import { become } from ${processes};\nbecome('/nowhere/node', [], {});\n`);
  const child = spawn(process.execPath, [outer], { stdio: ['ignore', 'ignore', 'pipe'] });
  started.push(child);
  const [told, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
  expect(code).toBe(127);
  expect(told).toContain('cannot start /nowhere/node');
});
