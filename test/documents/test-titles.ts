import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectDir } from '../architecture/project-files.ts';

/** Titles of tests as they stand in a file. */

/** The name of the call, then whatever `each` or `for` is given, then the title as the first argument. */
const CALL = /\b(?:it|test)(?:\.(?:each|for))?\b/g;

/** Every title in the file; of a table of tests the one with placeholders. */
export function titlesIn(file: string): string[] {
  const text = readFileSync(join(projectDir, file), 'utf8');
  const titles = [...text.matchAll(CALL)].map(({ index, 0: call }) => {
    const table = call.includes('.');
    const from = table ? afterBrackets(text, index + call.length) : index + call.length;
    return /^\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/.exec(text.slice(from))?.[2]?.replaceAll(/\\(['"`])/g, '$1');
  });
  return titles.filter((title) => title !== undefined);
}

/** The end of the round brackets that open here, strings in them aside. */
function afterBrackets(text: string, from: number): number {
  let depth = 0;
  const parts = /(['"`])(?:\\.|(?!\1)[^\\])*\1|\/\*[\s\S]*?\*\/|\/\/.*|[()]/g;
  parts.lastIndex = from;
  for (let part = parts.exec(text); part !== null; part = parts.exec(text)) {
    if (part[0] === '(') depth += 1;
    if (part[0] === ')') depth -= 1;
    if (depth === 0 && (part[0] === '(' || part[0] === ')')) return parts.lastIndex;
  }
  return text.length;
}
