import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export const projectDir = join(import.meta.dirname, '..', '..');

/** Where people write. Everything else at the top is made by tools. */
const WRITTEN_DIRS = ['.ci', 'bench', 'bin', 'biome', 'docs', 'machines', 'packaging', 'src', 'test'];
/** Files at the top that tools make; `.git` is one in a linked checkout. */
const NOT_WRITTEN = new Set(['package-lock.json', '.git']);
const SKIPPED_DIRS = new Set(['node_modules', 'peers', '.statevisor']);

/** Paths, relative to the project, of every file that people write, the ones at the top included. */
export function writtenFiles(): string[] {
  const top = readdirSync(projectDir, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !NOT_WRITTEN.has(entry.name) && !entry.name.endsWith('.log'))
    .map((entry) => entry.name);
  const dirs = WRITTEN_DIRS.filter((dir) => existsSync(join(projectDir, dir)));
  return [...top, ...dirs.flatMap((dir) => filesBelow(dir))];
}

function filesBelow(dir: string): string[] {
  return readdirSync(join(projectDir, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory()) return SKIPPED_DIRS.has(entry.name) ? [] : filesBelow(path);
    return [path];
  });
}
