import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OpenFile, OpenFiles } from '../http/open-files.ts';
import {
  LAYOUT_WORKER,
  PACKAGE_MODULES,
  PACKAGES_DIR,
  PAGE_FILE,
  type PackageModule,
  PICTURE_FILES,
  SOURCE_FILES,
  STYLE_FILES,
} from './file-list.ts';

/**
 * The files of the inspector's page. There is no build step: types are stripped and the names of packages replaced by
 * addresses when the page is asked for the first time. All files but the page itself lie below a directory that is named
 * for their content, so that a browser may keep them for ever and never mixes two versions.
 */

export const INSPECTOR_PREFIX = '/inspector/';

/** Scripts, styles and data of this origin and nothing else; nothing inline; in nobody's frame. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const SECURITY_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

const SCRIPT_TYPE = 'text/javascript; charset=utf-8';
const STYLE_TYPE = 'text/css; charset=utf-8';
const PICTURE_TYPE = 'image/svg+xml';
const PAGE_TYPE = 'text/html; charset=utf-8';

/** A year, as long as anything may be kept. */
const KEPT_FOR_EVER = 'public, max-age=31536000, immutable';
const ASKED_EVERY_TIME = 'no-cache';

/** Characters of the digest that names the directory. */
const DIGEST_LENGTH = 16;
/** Where the page's text names that directory. */
const PLACE_OF_FILES = '{{files}}';

const projectDir = fileURLToPath(new URL('../../..', import.meta.url));

export function inspectorFiles(): OpenFiles {
  let files: ReadonlyMap<string, OpenFile> | undefined;
  return {
    prefix: INSPECTOR_PREFIX,
    file: (name) => {
      files ??= loadFiles();
      return files.get(name);
    },
  };
}

interface Content {
  readonly type: string;
  readonly body: string;
}

function loadFiles(): Map<string, OpenFile> {
  const contents = new Map<string, Content>([
    ...SOURCE_FILES.map((path) => [path, { type: SCRIPT_TYPE, body: asScript(path) }] as const),
    ...STYLE_FILES.map((path) => [path, { type: STYLE_TYPE, body: readBelow(path) }] as const),
    ...PICTURE_FILES.map((path) => [path, { type: PICTURE_TYPE, body: readBelow(path) }] as const),
    ...PACKAGE_MODULES.map((one) => [`${PACKAGES_DIR}/${one.name}`, packageModule(one)] as const),
    [`${PACKAGES_DIR}/${LAYOUT_WORKER.name}`, { type: SCRIPT_TYPE, body: readPackage(LAYOUT_WORKER.file) }],
  ]);
  const digest = digestOf(contents);
  const page = readBelow(PAGE_FILE).replaceAll(PLACE_OF_FILES, digest);
  const files = new Map([['', fileOf({ type: PAGE_TYPE, body: page }, ASKED_EVERY_TIME)]]);
  for (const [path, content] of contents) files.set(`${digest}/${path}`, fileOf(content, KEPT_FOR_EVER));
  return files;
}

function fileOf({ type, body }: Content, caching: string): OpenFile {
  return { headers: { ...SECURITY_HEADERS, 'content-type': type, 'cache-control': caching }, body };
}

function readBelow(path: string): string {
  return readFileSync(join(projectDir, path), 'utf8');
}

function readPackage(file: string): string {
  return readBelow(join('node_modules', file));
}

function asScript(path: string): string {
  return withAddresses(
    quietly(() => stripTypeScriptTypes(readBelow(path))),
    upFrom(path),
  );
}

/** Its neighbours lie in the same directory. */
function packageModule({ file, setsGlobal }: PackageModule): Content {
  const script = withAddresses(readPackage(file).replace(SOURCE_MAP, ''), './');
  return {
    type: SCRIPT_TYPE,
    body: setsGlobal === undefined ? script : `${script}\nexport default globalThis.${setsGlobal};\n`,
  };
}

/** Maps are not served, so nobody need ask for them. */
const SOURCE_MAP = /^\/\/# sourceMappingURL=.*$/m;

/** From the directory of a source file to that of the packages. */
function upFrom(path: string): string {
  return `${'../'.repeat(path.split('/').length - 1)}${PACKAGES_DIR}/`;
}

/** `from 'preact'` means something on a disk with packages and nothing in a browser. */
const PACKAGE_IMPORT = /(\bfrom\s*|\bimport\s*)(["'])([^"'./][^"']*)\2/g;

function withAddresses(script: string, packages: string): string {
  return script.replace(PACKAGE_IMPORT, (whole, before: string, quote: string, specifier: string) => {
    const found = PACKAGE_MODULES.find((one) => one.specifier === specifier);
    return found === undefined ? whole : `${before}${quote}${packages}${found.name}${quote}`;
  });
}

function digestOf(contents: ReadonlyMap<string, Content>): string {
  const hash = createHash('sha256');
  for (const [path, { body }] of contents) hash.update(`${path}\0${body}\0`);
  return hash.digest('hex').slice(0, DIGEST_LENGTH);
}

/** Node warns that its own stripping may still change its form; whoever reads the daemon's log can do nothing about it. */
function quietly<T>(act: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return act();
  } finally {
    process.emitWarning = emitWarning;
  }
}
