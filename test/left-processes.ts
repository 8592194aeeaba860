import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostProcesses } from '../src/actors/contracts/process-identity.ts';

/**
 * What a test has left running: VMMs and daemons outlive whoever started them, which is what they are for. So a directory
 * that a test made is never removed under them; and where a test ran out of time and cleans up nothing, its process does.
 */

/** Looks at the table of processes until nobody is left; one that is killed is gone after a few. */
const LOOKS_MAX = 1_000;

function about(pid: string): { readonly works: string; readonly told: string } {
  try {
    return { works: readlinkSync(`/proc/${pid}/cwd`), told: readFileSync(`/proc/${pid}/cmdline`, 'utf8') };
  } catch {
    // It is gone, or its remains wait to be looked at by its parent.
    return { works: '', told: '' };
  }
}

/** Processes that work in this directory, or below it, or were given its path. */
export function processesOf(directory: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const isOf = (pid: string): boolean => {
    const { works, told } = about(pid);
    // A directory that is gone is told with a word behind its path.
    return `${works.replace(/ \(deleted\)$/, '')}/`.startsWith(`${directory}/`) || told.includes(directory);
  };
  return pids.filter(isOf).map(Number);
}

/** Ends them, and those that they start meanwhile. */
export function endProcessesOf(directory: string): void {
  for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
    const left = processesOf(directory);
    if (left.length === 0) return;
    for (const pid of left) hostProcesses.signal(pid, 'SIGKILL');
  }
  throw new Error(`These processes of ${directory} do not end: ${processesOf(directory).join(', ')}`);
}

const directories = new Set<string>();
let isArranged = false;
/** How a runner of tests ends the process of a file of tests; an operator, all of them. */
const ENDED_BY = { SIGTERM: 15, SIGINT: 2 } as const;
const SIGNAL_BASE = 128;
/** Written to at once: the process is ending. */
const STDERR = 2;

/** One that cannot be removed keeps none of the others: it is named, and stays. */
function endAll(): void {
  for (const directory of directories) {
    directories.delete(directory);
    try {
      endProcessesOf(directory);
      unmountBelow(directory);
      rmSync(directory, { recursive: true, force: true });
    } catch (error) {
      writeSync(STDERR, `${directory} of a test is left behind: ${String(error)}\n`);
    }
  }
}

/** Disks of a test's own, those that were mounted last first. */
function unmountBelow(directory: string): void {
  const places = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  for (const place of places.toReversed()) {
    if (`${place}/`.startsWith(`${directory}/`)) execFileSync('umount', ['--lazy', place]);
  }
}

/** A directory of its own for a test. Whatever becomes of the test, it goes with this process. */
export function temporaryDirectory(prefix: string): string {
  const directory = mkdtempSync(join(tmpdir(), prefix));
  endAtExit(directory);
  return directory;
}

/** Sees to it that they end with this process, however its tests did, and the directory goes: one that ran out of time never cleans up. */
export function endAtExit(directory: string): void {
  if (!isArranged) {
    isArranged = true;
    process.once('exit', endAll);
    for (const [signal, number] of Object.entries(ENDED_BY)) {
      process.once(signal, () => {
        endAll();
        process.exit(SIGNAL_BASE + number);
      });
    }
  }
  directories.add(directory);
}
