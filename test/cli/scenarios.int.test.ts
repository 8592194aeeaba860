/**
 * Goal: what policies do over time. Method: every file in test/scenarios is run as a user would run it; each holds its
 * own expectations.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectDir } from '../architecture/project-files.ts';
import { simulateFile } from './simulated-scenario.ts';

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
});
