import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectDir } from '../architecture/project-files.ts';
import { document, section, tableRows } from './markdown.ts';
import { titlesIn } from './test-titles.ts';

/** The table of incidents against the scenarios and tests it names. */

const SCENARIOS = 'test/scenarios';
const SECOND_LINE = /^# .+\n# Incident: .+\.\n/;

const rows = tableRows(section(document('docs/reference/scenarios.md'), '## Incidents'), 'incident');
const told = rows.map(([incident = '', by = '']) => ({ incident, by: by.split(/, (?=`)/) }));

it.each(told)('$incident', ({ by }) => {
  for (const one of by) {
    const [, file = '', title] = /^`([^`]+)`(?:: (.+))?$/.exec(one) ?? [];
    if (title === undefined) expect(document(file)).toMatch(SECOND_LINE);
    else expect(titlesIn(file)).toContain(title);
  }
});

it('every scenario that tells an incident is in the table', () => {
  const named = told.flatMap(({ by }) => by.flatMap((one) => /^`(test\/scenarios\/[^`]+)`$/.exec(one)?.[1] ?? []));
  const files = readdirSync(join(projectDir, SCENARIOS)).map((name) => `${SCENARIOS}/${name}`);
  const telling = files.filter((file) => /^# Incident: /m.test(document(file)));
  expect(named.sort()).toEqual(telling.sort());
});
