#!/usr/bin/env node
// The command `statevisor`: the same program on the pinned Node, whichever Node found this file.
import { join } from 'node:path';
import { prepareNode } from './prepare.js';
import { become, childEnv, projectDir } from './processes.js';

become(prepareNode(), [join(projectDir, 'src', 'cli', 'main.ts'), ...process.argv.slice(2)], childEnv());
