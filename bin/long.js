#!/usr/bin/env node
// `npm run long`: the checks of bin/long-checks.js. Arguments name the ones to run; without arguments all of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countLine } from './count.js';
import { failureText, runCheck } from './long-check.js';
import { longChecks } from './long-checks.js';
import { prepareNode, prepareSystem } from './prepare.js';
import { childEnv, projectDir } from './processes.js';

const node = prepareNode();
const missing = prepareSystem();
const names = process.argv.slice(2);
const unknown = names.filter((name) => !longChecks.some((check) => check.name === name));
const chosen = longChecks.filter((check) => names.length === 0 || names.includes(check.name));
// Daemons start by the hundreds: what one of them has compiled the others need not compile again.
const compiled = mkdtempSync(join(tmpdir(), 'statevisor-compiled-'));
process.on('exit', () => rmSync(compiled, { recursive: true, force: true }));
const count = { passed: 0, failed: missing.length + unknown.length, skipped: 0 };
const failures = [
  ...missing.map((name) => `failed: the Debian package ${name} is missing\n`),
  ...unknown.map((name) => `failed: there is no long check called ${name}\n`),
];

for (const { name, script, args, minutesMax, why } of chosen) {
  process.stdout.write(`\n== ${name}: ${why}\n`);
  const begun = process.uptime();
  const end = await runCheck({
    command: node,
    args: [join(projectDir, script), ...args],
    env: { NODE_COMPILE_CACHE: compiled, ...childEnv() },
    cwd: projectDir,
    minutesMax,
  });
  const took = `${Math.round(process.uptime() - begun)} s`;
  if (end.reason === null) count.passed += 1;
  else {
    count.failed += 1;
    failures.push(failureText(name, end));
  }
  process.stdout.write(
    end.reason === null ? `passed: ${name} (${took})\n` : `failed: ${name}: ${end.reason} (${took})\n`,
  );
}
process.stdout.write(`${failures.join('')}\n${countLine(count)}\n`);
process.exitCode = count.failed === 0 ? 0 : 1;
