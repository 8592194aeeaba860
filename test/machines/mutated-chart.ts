import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ChartUnderTest } from './exploration.ts';
import type { Mutant } from './mutants.ts';

/** Loads a copy of the chart with one change in it. Copies lie where the chart's packages are found from. */

const MACHINES = fileURLToPath(new URL('../../machines', import.meta.url));
const COPIES = fileURLToPath(new URL('../../node_modules', import.meta.url));

export type Patch = Pick<Mutant, 'file' | 'find' | 'put'>;

/** Throws when the text to change does not stand there exactly once: the patch has to be brought up to date. */
export function patchText(text: string, { file, find, put }: Patch): string {
  const places = text.split(find).length - 1;
  if (places !== 1) throw new Error(`${file} holds the text to change ${places} times, not once: ${find}`);
  return text.replace(find, () => put);
}

function toScripts(directory: string): void {
  for (const entry of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!entry.endsWith('.ts')) continue;
    const path = join(directory, entry);
    const script = stripTypeScriptTypes(readFileSync(path, 'utf8')).replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'");
    writeFileSync(path.replace(/\.ts$/, '.js'), script);
    rmSync(path);
  }
}

/** Hands the changed chart to `use` and removes the copy afterwards. */
export async function withMutant<T>(patch: Patch, use: (chart: ChartUnderTest) => T): Promise<T> {
  const directory = mkdtempSync(join(COPIES, '.mutant-'));
  try {
    cpSync(MACHINES, directory, { recursive: true });
    const path = join(directory, patch.file);
    writeFileSync(path, patchText(readFileSync(path, 'utf8'), patch));
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    toScripts(directory);
    const script = pathToFileURL(join(directory, 'step.js')).href;
    return use((await import(/* @vite-ignore */ script)) as ChartUnderTest);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
