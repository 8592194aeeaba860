/** Goal: the table of what shows what names tests and long checks that there are. Method: each name is looked up. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { longChecks } from '../../bin/long-checks.js';
import { projectDir } from '../architecture/project-files.ts';
import { document, quoted, section, tableRows } from './markdown.ts';

const rows = tableRows(section(document('docs/how-to/work-on-the-project.md'), '## What shows what'), 'what');

it.each(rows.map(([what = '', tests = '', checks = '']) => ({ what, tests: quoted(tests), checks: quoted(checks) })))(
  '$what',
  ({ tests, checks }) => {
    expect(tests.length + checks.length).toBeGreaterThan(0);
    expect(tests.filter((file) => !existsSync(join(projectDir, file)))).toEqual([]);
    const known = longChecks.map(({ name }) => name);
    expect(checks.filter((name) => !known.includes(name))).toEqual([]);
  },
);

it('the table has rows', () => {
  expect(rows.length).toBeGreaterThan(10);
});
