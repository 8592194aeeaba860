/**
 * As the process of a file of tests that ran out of time: makes a directory, has a process work there, and waits. Its
 * arguments are directories that it answers for too.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endAtExit, temporaryDirectory } from './left-processes.ts';

for (const other of process.argv.slice(2)) endAtExit(other);
const directory = temporaryDirectory('statevisor-left-');
writeFileSync(join(directory, 'file'), '');
spawn('cat', { cwd: directory, detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
process.stdout.write(`${directory}\n`);
