import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { projectDir, writtenFiles } from '../architecture/project-files.ts';
import { type Mutant, planted } from './mutant.ts';

/**
 * A copy of the project to plant defects in. The project itself is never touched, so whoever is killed here leaves
 * nothing behind but a directory for temporary files, which the next run removes.
 */

const PREFIX = 'statevisor-mutants-';

export interface ProjectCopy {
  readonly directory: string;
  /** Plants it, calls `use`, and takes it out again. */
  readonly withMutant: <T>(mutant: Mutant, use: (path: string) => Promise<T>) => Promise<T>;
  readonly remove: () => void;
}

export function copyProject(): ProjectCopy {
  const directory = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  for (const path of [...writtenFiles(), 'package-lock.json']) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    cpSync(join(projectDir, path), join(directory, path));
  }
  symlinkSync(join(projectDir, 'node_modules'), join(directory, 'node_modules'), 'dir');
  return {
    directory,
    withMutant: async (mutant, use) => {
      const path = join(directory, mutant.file);
      const original = readFileSync(path, 'utf8');
      writeFileSync(path, planted(original, mutant));
      try {
        return await use(path);
      } finally {
        writeFileSync(path, original);
      }
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** What runs that were killed have left behind. */
export function removeAbandonedCopies(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
