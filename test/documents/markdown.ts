import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectDir } from '../architecture/project-files.ts';

/** Reads what documents say, so that tests can compare it with what is so. */

export function document(path: string): string {
  return readFileSync(join(projectDir, path), 'utf8');
}

/** Rows of the table whose first column has this head, each as its cells; throws when there is not exactly one. */
export function tableRows(text: string, head: string): string[][] {
  const tables = text
    .split(/\n(?!\|)/)
    .map((block) => block.split('\n').filter((line) => line.startsWith('|')))
    .filter(([first]) => first !== undefined && cellsOf(first)[0] === head);
  if (tables.length !== 1) throw new Error(`${tables.length} tables begin with the column "${head}".`);
  return tables[0]!.slice(2).map(cellsOf);
}

/** The part of a document under one heading, up to the next heading of the same level. */
export function section(text: string, heading: string): string {
  const level = /^#+/.exec(heading)![0];
  const from = text.indexOf(`\n${heading}\n`);
  if (from < 0) throw new Error(`There is no heading "${heading}".`);
  const rest = text.slice(from + heading.length + 2);
  const end = rest.search(new RegExp(`^${level} `, 'm'));
  return end < 0 ? rest : rest.slice(0, end);
}

/** Everything in backticks in a cell. */
export function quoted(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
}

/** The one thing in backticks in a cell. */
export function name(cell: string | undefined): string {
  const [first, ...more] = quoted(cell ?? '');
  if (first === undefined || more.length > 0) throw new Error(`A cell holds not one name: ${cell}`);
  return first;
}

/** Text of the fenced block that follows `<!-- runs: TITLE -->`, also inside a list. */
export function runnable(text: string, title: string): string {
  const from = text.indexOf(`<!-- runs: ${title} -->\n`);
  const match = /\n( *)```\w+\n([\s\S]*?)\n *```\n/.exec(from < 0 ? '' : text.slice(from));
  if (match === null) throw new Error(`There is no block that runs: ${title}.`);
  const [, indentation = '', body = ''] = match;
  return `${body.replaceAll(new RegExp(`^${indentation}`, 'gm'), '')}\n`;
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, line.lastIndexOf('|'))
    .split('|')
    .map((cell) => cell.trim());
}
