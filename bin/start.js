#!/usr/bin/env node
// `npm start -- FLAGS`: installs what is missing and serves. Plain JavaScript: it runs on the system's own Node.
import { createWriteStream, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packagesToRun } from './debian-packages.js';
import { installationPlan } from './installation-plan.js';
import { prepareNode, prepareSystem, uid } from './prepare.js';
import { become, childEnv, projectDir, run } from './processes.js';

const flags = process.argv.slice(2);
const plan = installationPlan(projectDir, { uid, run }, packagesToRun);
for (const line of plan) process.stderr.write(`${line}\n`);
if (plan.length > 0 && !(await mayInstall())) {
  process.stderr.write('Nothing was installed. To run on what is there: npm install && npx statevisor serve\n');
  process.exit(1);
}
const node = prepareNode();
if (prepareSystem(packagesToRun).length > 0) {
  process.stderr.write('statevisor: Going on without them: what needs them says so, and the simulator needs none.\n');
}
become(node, [join(projectDir, 'src', 'cli', 'main.ts'), 'serve', '--hello', ...flags], childEnv());

/** Asks where somebody can answer; anything but a yes is a no, and so is a question that nobody would see. */
async function mayInstall() {
  if (flags.includes('--yes') || !process.stdin.isTTY) return true;
  const output = whereItIsSeen();
  if (output === null) return false;
  const terminal = createInterface({ input: process.stdin, output });
  /** @type {string} */
  const answer = await new Promise((resolve) => {
    terminal.once('close', () => resolve(''));
    terminal.question('Go on? [y/N] ', resolve);
  });
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** Standard error, or the terminal itself where that is redirected; the plan is shown again there, since it is agreed to. */
function whereItIsSeen() {
  if (process.stderr.isTTY) return process.stderr;
  try {
    const terminal = createWriteStream('', { fd: openSync('/dev/tty', 'w') });
    for (const line of plan) terminal.write(`${line}\n`);
    return terminal;
  } catch {
    return null;
  }
}
