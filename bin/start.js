#!/usr/bin/env node
// `npm start -- FLAGS`: installs what is missing and serves. Plain JavaScript: it runs on the system's own Node.
import { join } from 'node:path';
import { prepareNode, prepareSystem } from './prepare.js';
import { become, childEnv, projectDir } from './processes.js';

const node = prepareNode();
if (prepareSystem().length > 0) {
  process.stderr.write('statevisor: Going on without them: what needs them says so, and the simulator needs none.\n');
}
become(node, [join(projectDir, 'src', 'cli', 'main.ts'), 'serve', ...process.argv.slice(2)], childEnv());
