import { expect, test } from 'vitest';
import { checkedLines } from '../../src/cli/simulate/texts.ts';
import type { YamlSource } from '../../src/cli/yaml-source.ts';

const source = { place: () => ({ line: 7 }) } as unknown as YamlSource;
const expectation = { kind: 'view', view: {}, index: 0 } as const;
const told = (expected: unknown, actual: unknown): string | undefined =>
  checkedLines({ expectation, text: 'view', mismatches: [{ path: 'due', expected, actual }] }, source)[1]?.trim();

test.each([
  ['+31m', '2026-01-01T12:32:00.000Z', 'due: expected "+31m0s", is "+32m0s"'],
  ['-5s', '2026-01-01T12:00:00.000Z', 'due: expected "-5s", is "0s"'],
  ['90s', '2m0s', 'due: expected "1m30s", is "2m0s"'],
  ['2026-01-01T12:31:00Z', '2026-01-01T12:32:00Z', 'due: expected "2026-01-01T12:31:00Z", is "2026-01-01T12:32:00Z"'],
  // It lacks its sign, and would be told as if it had one.
  ['31m', '2026-01-01T12:31:00.000Z', 'due: expected "31m", is "2026-01-01T12:31:00.000Z"'],
  ['Running', 'Stopped', 'due: expected "Running", is "Stopped"'],
  [3, null, 'due: expected 3, is null'],
])('what was expected and what is are told in one form: %j, %j', (expected, actual, line) => {
  expect(told(expected, actual)).toBe(line);
});
