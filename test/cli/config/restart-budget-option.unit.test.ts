import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/cli/config/load-config.ts';

/** What the budget of the host may be set to, and that whatever else it is set to is refused wherever it stands. */

const directory = mkdtempSync(join(tmpdir(), 'statevisor-budget-'));
const file = join(directory, 'file.yaml');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

type Source = 'flag' | 'variable' | 'file';

function load(source: Source, value: string) {
  writeFileSync(file, source === 'file' ? `restart_budget: ${JSON.stringify(value)}\n` : '', { mode: 0o600 });
  return loadConfig({
    flags: { config: file, ...(source === 'flag' ? { restartBudget: value } : {}) },
    environment: source === 'variable' ? { STATEVISOR_RESTART_BUDGET: value } : {},
    systemFile: join(directory, 'none'),
  });
}

const NAMED: Readonly<Record<Source, string>> = {
  flag: '--restart-budget',
  variable: 'STATEVISOR_RESTART_BUDGET',
  file: `${file}:1:17: restart_budget`,
};
const EXPECTED = 'expected off, or a number from 1 to 10000 per a time from 1s to 24h, for example 20/1m';

describe.each(Object.keys(NAMED) as Source[])('the restart budget by %s', (source) => {
  it.each([
    ['off', null],
    ['1/1s', { restarts: 1, per_ms: 1_000 }],
    ['20/1m', { restarts: 20, per_ms: 60_000 }],
    ['10000/24h', { restarts: 10_000, per_ms: 86_400_000 }],
  ])('may be %s', (value, limit) => {
    expect(load(source, value).config.restart_budget).toEqual(limit);
  });

  it.each([
    ...['20', '20/', '/1m', '0/1m', '-1/1m', '1.5/1m', '10001/1m', '100000/1m', '20/1m/1m', '20 / 1m'],
    ...['20/0s', '20/999ms', '20/86401s', '20/1', '20/-1m', '20/soon', 'none', 'OFF', '1e3/1m', '٢/1m'],
  ])('is refused when it is "%s", with its name and what was expected', (value) => {
    expect(() => load(source, value)).toThrow(`${NAMED[source]}: ${EXPECTED}`);
  });
});
