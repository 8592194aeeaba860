/** As the process of a file of tests that ran out of time: makes a directory, has a process work there, and waits. */
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endAtExit } from './left-processes.ts';

const directory = mkdtempSync(join(tmpdir(), 'statevisor-left-'));
endAtExit(directory);
spawn('cat', { cwd: directory, detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
process.stdout.write(`${directory}\n`);
