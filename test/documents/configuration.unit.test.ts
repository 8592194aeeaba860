/**
 * Goal: the reference of the configuration lists every setting as it is. Method: compared with the table in
 * src/cli/config/options.ts. `STATEVISOR_WRITE_TRANSCRIPTS=1` rewrites it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { SETTINGS } from '../../src/cli/config/settings.ts';
import { projectDir } from '../architecture/project-files.ts';
import { document, runnable } from './markdown.ts';

const FILE = join(projectDir, 'docs', 'reference', 'configuration.md');
const BEGIN = '<!-- read off the table of settings -->\n';

function rowOf(key: string): string {
  const { about, expects, secret, reloads, default: value } = SETTINGS.option(key);
  const marks = `${secret ? ' (secret)' : ''}${reloads ? ' †' : ''}`;
  const shown =
    value === '' || value === null ? '' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
  return `| \`${key}\`${marks} | ${shown} | ${expects} | ${about} |`.replaceAll(/ {2,}/g, ' ');
}

test('every setting is listed with its default, what is expected, and what it does', () => {
  const rows = SETTINGS.keys.map(rowOf);
  const written = ['| key | default | expected | what |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
  const text = readFileSync(FILE, 'utf8');
  const [before = '', after] = text.split(BEGIN);
  if (process.env.STATEVISOR_WRITE_TRANSCRIPTS === '1') writeFileSync(FILE, `${before}${BEGIN}\n${written}`);
  else expect(after?.trimStart()).toBe(written);
  expect(rows.length).toBeGreaterThan(5);
});

test('the file of the how-to is in order', () => {
  const text = runnable(document('docs/how-to/configure.md'), 'a configuration');
  const read: unknown = parse(text);
  expect(SETTINGS.fileSchema.safeParse(read).success).toBe(true);
  expect(Object.keys(read as object).length).toBeGreaterThan(2);
});
