/**
 * Goal: the page's files are those on its list and no others, complete, and under a policy that lets nothing else in.
 * Method: the list is compared with the directory, and every import of every script is looked up among what is served.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { OpenFile } from '../../src/gateway/http/open-files.ts';
import { PAGE_FILE, PICTURE_FILES, SOURCE_FILES, STYLE_FILES } from '../../src/gateway/inspector/file-list.ts';
import {
  CONTENT_SECURITY_POLICY,
  INSPECTOR_PREFIX,
  inspectorFiles,
} from '../../src/gateway/inspector/inspector-files.ts';
import { projectDir } from '../architecture/project-files.ts';
import { document } from '../documents/markdown.ts';

const warnings: unknown[] = [];
process.on('warning', (warning) => warnings.push(warning));

const files = inspectorFiles();
const page = files.file('')!;
const pageText = String(page.body);
const named = [...pageText.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, address]) => address!);
const digest = /^[0-9a-f]{16}(?=\/)/.exec(named[0]!)?.[0] ?? '';

/** Names of files that a script loads: imports of modules, and what it opens by its own address. */
function loadedBy(name: string, { body }: OpenFile): string[] {
  const script = String(body);
  const imports = [...script.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g)];
  const opened = [...script.matchAll(/new URL\(\s*'([^']+)',\s*import\.meta\.url/g)];
  return [...imports, ...opened].map(([, address]) => {
    expect(address, name).toMatch(/^\.\.?\//);
    return new URL(address!, `http://page/${name}`).pathname.slice(1);
  });
}

/** Everything the page loads, from its own tags on. */
function reachable(): Map<string, OpenFile> {
  const found = new Map<string, OpenFile>();
  const waiting = [...named];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    const file = files.file(name);
    expect(file, name).toBeDefined();
    found.set(name, file!);
    const isScript = file!.headers['content-type']!.startsWith('text/javascript');
    // The library's own worker is one script without imports.
    if (isScript && !name.endsWith('elk-worker.js')) waiting.push(...loadedBy(name, file!));
  }
  return found;
}

describe('the files of the page', () => {
  test('the list names each file of the page and of its model, and nothing that is not there', () => {
    const own = 'src/gateway/inspector';
    const there = ['page', 'model'].flatMap((directory) =>
      readdirSync(join(projectDir, own, directory)).map((file) => `${own}/${directory}/${file}`),
    );
    const listed = [PAGE_FILE, ...SOURCE_FILES, ...STYLE_FILES, ...PICTURE_FILES].filter((path) =>
      path.startsWith(own),
    );
    expect(listed.sort()).toEqual(there.filter((path) => !path.endsWith('/tsconfig.json')).sort());
  });

  test('everything that is loaded is served, and everything that is listed is loaded', () => {
    const loaded = reachable();
    for (const path of [...SOURCE_FILES, ...STYLE_FILES, ...PICTURE_FILES]) {
      expect([...loaded.keys()], path).toContain(`${digest}/${path}`);
    }
    expect([...loaded.keys()]).toContain(`${digest}/packages/elk-worker.js`);
  });

  test('nothing of them comes from anywhere else', () => {
    for (const [name, { body }] of [...reachable(), ['', page] as const]) {
      if (name.includes('/packages/')) continue;
      expect(String(body).match(/https?:\/\/(?!www\.w3\.org\/)[^\s"'`)]+/g) ?? [], name).toEqual([]);
    }
  });

  test('types are gone from scripts, and nobody is warned of how', () => {
    for (const [name, { body }] of reachable()) {
      if (name.endsWith('.ts')) expect(String(body), name).not.toMatch(/\bimport type\b|^export (interface|type) /m);
    }
    expect(warnings).toEqual([]);
  });

  test.each(['../package.json', 'package.json', 'src/cli/main.ts', `%2e%2e/package.json`, 'constructor', '__proto__'])(
    'what is not on the list is not there: %s',
    (name) => {
      expect(files.file(name)).toBeUndefined();
      expect(files.file(`${digest}/${name}`)).toBeUndefined();
    },
  );
});

describe('how they are sent', () => {
  test('all under a policy that allows nothing inline and nothing from elsewhere', () => {
    expect(CONTENT_SECURITY_POLICY).not.toMatch(/unsafe|\*|https?:|data:|blob:/);
    expect(CONTENT_SECURITY_POLICY).toContain("default-src 'none'");
    for (const { headers } of [page, ...reachable().values()]) {
      expect(headers).toMatchObject({
        'content-security-policy': CONTENT_SECURITY_POLICY,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
    }
    expect(pageText).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=/);
  });

  test('the page is asked for anew each time; its files lie under their digest and are kept', () => {
    expect(page.headers['cache-control']).toBe('no-cache');
    for (const [name, { headers }] of reachable()) {
      expect(name.startsWith(`${digest}/`)).toBe(true);
      expect(headers['cache-control']).toContain('immutable');
    }
    expect(files.prefix).toBe(INSPECTOR_PREFIX);
    expect(String(inspectorFiles().file('')!.body)).toBe(pageText);
  });
});

test('the reference tells the policy as it is sent', () => {
  expect(document('docs/reference/inspector.md')).toContain(`\n${CONTENT_SECURITY_POLICY}\n`);
});
