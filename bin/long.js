#!/usr/bin/env node
// `npm run long`: the checks of bin/long-checks.js. Arguments name the ones to run; without arguments all of them.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countLine } from './count.js';
import { longChecks } from './long-checks.js';
import { prepareNode, prepareSystem } from './prepare.js';
import { childEnv, projectDir } from './processes.js';

const MS_PER_MINUTE = 60_000;
const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const node = prepareNode();
const missing = prepareSystem();
const names = process.argv.slice(2);
const unknown = names.filter((name) => !longChecks.some((check) => check.name === name));
const chosen = longChecks.filter((check) => names.length === 0 || names.includes(check.name));
// Daemons start by the hundreds: what one of them has compiled the others need not compile again.
const compiled = mkdtempSync(join(tmpdir(), 'statevisor-compiled-'));
process.on('exit', () => rmSync(compiled, { recursive: true, force: true }));
const count = { passed: 0, failed: missing.length + unknown.length, skipped: 0 };
for (const name of unknown) process.stdout.write(`failed: there is no long check called ${name}\n`);

/**
 * @param {import('./long-checks.js').LongCheck} check
 * @returns {Promise<string | null>} why it failed, or null
 */
function outcomeOf(check) {
  return new Promise((resolve) => {
    // In a process group of its own, so that the time limit ends everything the check started.
    const child = spawn(node, [join(projectDir, check.script), ...check.args], {
      cwd: projectDir,
      env: { NODE_COMPILE_CACHE: compiled, ...childEnv() },
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    });
    const endGroup = () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    };
    const interrupted = () => {
      endGroup();
      process.exit(1);
    };
    const limit = AbortSignal.timeout(check.minutesMax * MS_PER_MINUTE);
    limit.addEventListener('abort', endGroup);
    for (const signal of ENDING_SIGNALS) process.on(signal, interrupted);
    /** @param {string | null} reason */
    const settle = (reason) => {
      limit.removeEventListener('abort', endGroup);
      for (const signal of ENDING_SIGNALS) process.off(signal, interrupted);
      resolve(reason);
    };
    child.on('error', (error) => settle(error.message));
    child.on('exit', (code, signal) => {
      if (limit.aborted) settle(`it took longer than ${check.minutesMax} minutes`);
      else settle(code === 0 ? null : `it ended with ${signal ?? code}`);
    });
  });
}

for (const check of chosen) {
  process.stdout.write(`\n== ${check.name}: ${check.why}\n`);
  const begun = process.uptime();
  const reason = await outcomeOf(check);
  const took = `${Math.round(process.uptime() - begun)} s`;
  if (reason === null) count.passed += 1;
  else count.failed += 1;
  process.stdout.write(reason === null ? `passed: ${check.name} (${took})\n` : `failed: ${check.name}: ${reason}\n`);
}
process.stdout.write(`\n${countLine(count)}\n`);
process.exit(count.failed === 0 ? 0 : 1);
