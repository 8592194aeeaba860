import { describe, expect, it } from 'vitest';
import { MUTANTS } from '../mutants/all-mutants.ts';
import { document, section, tableRows } from './markdown.ts';
import { titlesIn } from './test-titles.ts';

/** The page of known defects against the tests it names and the defects that are planted. */

const page = document('docs/reference/defects.md');
const numbered = (letter: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
const rowsOf = (heading: string) => tableRows(section(page, heading), 'id');
const rows = ['## Restarts', '## Health', '## Standby', '## Lifecycle'].flatMap(rowsOf);

/** Rows of defects that nothing can be planted for, each with its reason on the page. */
const UNPLANTED = ['R9', 'H4', 'H7', 'L5', 'L7'];

const plantedIn = (cell = ''): string[] => (cell.startsWith('none: ') ? [] : cell.split('; '));

describe('the page of known defects', () => {
  it('has every known defect once, in order', () => {
    expect(rows.map(([id]) => id)).toEqual([
      ...numbered('R', 22),
      ...numbered('H', 21),
      ...numbered('A', 22),
      ...numbered('L', 7),
    ]);
    for (const [id, guaranteed] of rows) expect([id, guaranteed]).toEqual([id, expect.stringMatching(/^[A-Z].*\.$/)]);
  });

  it.each(rows)('%s: %s', (_id, _guaranteed, shown) => {
    const [, file = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(shown!) ?? [];
    if (file.endsWith('.yaml')) expect(document(file)).toMatch(new RegExp(`^# ${title}\n`));
    else expect(titlesIn(file)).toContain(title);
  });

  it('names every planted defect once, and none that is not planted', () => {
    const others = tableRows(page, 'planted defect').map(([name = '']) => name);
    const named = [...rows.flatMap(([, , , cell]) => plantedIn(cell)), ...others];
    expect(named.sort()).toEqual(MUTANTS.map(({ name }) => name).sort());
  });

  it('says of few that nothing can be planted, and why', () => {
    const without = rows.filter(([, , , cell]) => plantedIn(cell).length === 0);
    expect(without.map(([id]) => id)).toEqual(UNPLANTED);
  });
});
