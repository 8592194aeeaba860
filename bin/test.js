#!/usr/bin/env node
// `npm test`: installs what is missing, then checks types, lint, format and every test on the pinned Node.
// Arguments go to vitest: `npm test -- test/machines` runs a part.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countLine, countTests, isGood } from './count.js';
import { prepareNode, prepareSystem } from './prepare.js';
import { childEnv, projectDir } from './processes.js';

const node = prepareNode();
const missing = prepareSystem();
const reportDir = mkdtempSync(join(tmpdir(), 'statevisor-test-'));
const reportFile = join(reportDir, 'report.json');

/** @type {string[]} */
const failures = missing.map((name) => `the Debian package ${name} is missing`);

/**
 * @param {string} title
 * @param {string} script path below node_modules
 * @param {readonly string[]} args
 */
function step(title, script, args) {
  process.stdout.write(`\n== ${title}\n`);
  const path = join(projectDir, 'node_modules', script);
  const { status } = spawnSync(node, [path, ...args], {
    cwd: projectDir,
    env: childEnv(),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return status === 0;
}

if (!step('types', 'typescript/bin/tsc', ['-p', '.'])) failures.push('the type check failed');
// What runs in a browser has other globals, and so a check of its own.
if (!step('types of the page', 'typescript/bin/tsc', ['-p', 'src/gateway/inspector/page'])) {
  failures.push("the type check of the inspector's page failed");
}
if (!step('lint and format', '@biomejs/biome/bin/biome', ['check', '.'])) failures.push('lint or format failed');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
const isWell = step('tests', 'vitest/vitest.mjs', ['run', ...reporters, ...process.argv.slice(2)]);

/** @returns {import('./count.js').Report | null} */
function readReport() {
  try {
    return JSON.parse(readFileSync(reportFile, 'utf8'));
  } catch {
    return null;
  }
}

const count = countTests(readReport(), isWell);
rmSync(reportDir, { recursive: true, force: true });
// What failed outside the tests counts too, or the last line would read like success.
count.failed += failures.length;
process.stdout.write(`\n${failures.map((failure) => `failed: ${failure}\n`).join('')}${countLine(count)}\n`);
process.exitCode = isGood(count) ? 0 : 1;
