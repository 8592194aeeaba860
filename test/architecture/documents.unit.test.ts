/** Goal: what the documents say about the project is complete. Method: compared in both directions with what is there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectDir, writtenFiles } from './project-files.ts';

const read = (path: string): string => readFileSync(join(projectDir, path), 'utf8');

/** `- \`name\`: A sentence.` lines as [name, sentence] pairs. */
function listed(text: string): [string, string][] {
  return [...text.matchAll(/^- `([^`]+)`: (.*)$/gm)].map((match) => [match[1]!, match[2]!]);
}

describe('dependencies', () => {
  const manifest = JSON.parse(read('package.json')) as Record<
    'dependencies' | 'devDependencies',
    Record<string, string>
  >;
  const versions = { ...manifest.dependencies, ...manifest.devDependencies };
  const entries = listed(read('docs/dependencies.md'));

  test('each npm package is explained once, and nothing else is', () => {
    expect(entries.map(([name]) => name).sort()).toEqual(Object.keys(versions).sort());
  });

  test('each explanation is a sentence', () => {
    for (const [name, sentence] of entries) expect(sentence, name).toMatch(/^[A-Z].{20,}\.$/);
  });

  test('each is pinned to one exact version', () => {
    for (const [name, version] of Object.entries(versions)) expect(version, name).toMatch(/^\d+\.\d+\.\d+(-\d+)?$/);
  });

  test('an entry without a package and a package without an entry would be noticed', () => {
    expect(listed('- `a`: Does something that we need.\n- not an entry\n')).toEqual([
      ['a', 'Does something that we need.'],
    ]);
  });
});

describe('decisions', () => {
  const files = readdirSync(join(projectDir, 'docs', 'decisions')).sort();

  test('they are numbered without gaps and named for what was decided', () => {
    expect(files.length).toBeGreaterThan(0);
    files.forEach((name, index) => {
      expect(name).toMatch(new RegExp(`^${String(index + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`));
    });
  });

  test('the index lists each of them once, in order', () => {
    const links = [...read('docs/README.md').matchAll(/\]\(decisions\/([^)]+)\)/g)].map((match) => match[1]);
    expect(links).toEqual(files);
  });

  test('each says what was decided, why, and what is given up', () => {
    for (const name of files) {
      const text = read(`docs/decisions/${name}`);
      expect(text, name).toMatch(new RegExp(`^# ${name.slice(0, 4)}: .+\n`));
      for (const heading of ['## Context', '## Choice', '## What we give up'])
        expect(text, name).toContain(`\n${heading}\n`);
    }
  });
});

test('every link between documents leads somewhere', () => {
  const broken = writtenFiles()
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) => {
      const links = [...read(path).matchAll(/\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)/g)].map((match) => match[1]!);
      return links
        .filter((link) => !existsSync(join(projectDir, dirname(path), link)))
        .map((link) => `${path}: ${link}`);
    });
  expect(broken).toEqual([]);
});
