import { readFileSync } from 'node:fs';

const MANIFEST = new URL('../../../package.json', import.meta.url);

/** The version of this program, as its package says it. */
export function programVersion(): string {
  return (JSON.parse(readFileSync(MANIFEST, 'utf8')) as { version: string }).version;
}

/** The version of Node that this program is tested on. */
export function pinnedNode(): string {
  const manifest = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { devDependencies: Record<string, string> };
  return manifest.devDependencies.node ?? '';
}
