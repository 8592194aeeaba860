/**
 * Goal: what policies do over time. Method: every file in test/scenarios is run as a user would run it; each holds its
 * own expectations.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectDir } from '../architecture/project-files.ts';
import { document, section } from '../documents/markdown.ts';
import { simulateFile, simulateText } from './simulated-scenario.ts';

const directory = join(projectDir, 'test', 'scenarios');
const files = readdirSync(directory).filter((name) => name.endsWith('.yaml'));
/** Fewer would mean that some were not found. */
const FILES_MIN = 30;

describe('scenario', () => {
  test('files are found', () => {
    expect(files.length).toBeGreaterThanOrEqual(FILES_MIN);
  });

  test.for(files)('%s goes as its expectations say', async (name) => {
    const { code, out, err } = await simulateFile(join(directory, name));
    expect(`${err}${code === 0 ? '' : out}`).toBe('');
    expect(out).toContain('Expectations:');
  });

  test.for(['## A restart policy on a bad night', '## How long a guest would sleep'])(
    'in the how-to goes as it says there: %s',
    async (heading) => {
      const text = section(document('docs/how-to/try-a-policy.md'), heading);
      const blocks = [...text.matchAll(/^ {3}```yaml\n(.*?)^ {3}```$/gms)].map((match) =>
        match[1]!.replace(/^ {3}/gm, ''),
      );
      const { code, out, err } = await simulateText(blocks.join(''));
      expect(blocks).toHaveLength(2);
      expect(`${err}${code === 0 ? '' : out}`).toBe('');
      const shown = /^ {3}```text\n(.*?)^ {3}```$/ms.exec(text)![1]!.replace(/^ {3}/gm, '');
      for (const line of shown.trimEnd().split('\n')) expect(out).toContain(line.trim());
    },
  );
});
