import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { leavesOf, pathOf, region } from './chart-walk.ts';
import { leafOf } from './exploration.ts';
import { PLACES } from './places.ts';
import { recoveryTable } from './recovery-table.ts';

const PAGE = new URL('../../docs/reference/recovery-table.md', import.meta.url);

describe('what recovery does', () => {
  it('the table in the documentation is the one of the chart', () => {
    const table = readFileSync(PAGE, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('|'));
    expect(table.join('\n')).toBe(recoveryTable());
  });

  it('the table has every state of the lifecycle', () => {
    const places = Object.entries(PLACES);
    for (const [name, place] of places) expect(leafOf(place().snapshot())).toBe(name.split(',')[0]);
    const leaves = leavesOf(region('lifecycle'))
      .map(pathOf)
      .filter((leaf) => leaf !== 'absent');
    expect([...new Set(places.map(([name]) => name.split(',')[0]))].sort()).toEqual(leaves.sort());
  });
});
