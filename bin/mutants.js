#!/usr/bin/env node
// `npm run mutants`: planted defects, and whether the test that is named for each notices it. Arguments: parts of names.
import { join } from 'node:path';
import { prepareNode } from './prepare.js';
import { become, childEnv, projectDir } from './processes.js';

become(prepareNode(), [join(projectDir, 'test', 'mutants', 'main.ts'), ...process.argv.slice(2)], childEnv());
