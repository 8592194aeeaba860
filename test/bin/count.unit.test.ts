import { expect, test } from 'vitest';
import { countLine, countTests, isGood } from '../../bin/count.js';

const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((each) => ({ status: each })),
});

test('the last line is the plain count', () => {
  const count = countTests({ success: true, testResults: [file('passed', 'passed', 'passed')] }, true);
  expect(countLine(count)).toBe('2 passed, 0 failed, 0 skipped');
  expect(isGood(count)).toBe(true);
});

test('a failed test is a failure', () => {
  const count = countTests({ success: false, testResults: [file('failed', 'passed', 'failed')] }, false);
  expect(count).toEqual({ passed: 1, failed: 1, skipped: 0 });
  expect(isGood(count)).toBe(false);
});

test('skipped and unwritten tests are no success', () => {
  const count = countTests(
    { success: true, testResults: [file('passed', 'passed', 'skipped', 'pending', 'todo')] },
    true,
  );
  expect(count).toEqual({ passed: 1, failed: 0, skipped: 3 });
  expect(isGood(count)).toBe(false);
});

test('a file that could not be loaded is a failure', () => {
  const count = countTests({ success: false, testResults: [file('failed'), file('passed', 'passed')] }, false);
  expect(count).toEqual({ passed: 1, failed: 1, skipped: 0 });
});

test('an error outside any test is a failure, whoever tells of it', () => {
  const testResults = [file('passed', 'passed')];
  const failed = { passed: 1, failed: 1, skipped: 0 };
  expect(countTests({ success: false, testResults }, true)).toEqual(failed);
  expect(countTests({ success: true, testResults }, false)).toEqual(failed);
});

test('a run without a report and a run without tests are failures', () => {
  expect(countTests(null, false).failed).toBe(1);
  expect(countTests({ success: true, testResults: [] }, true).failed).toBe(1);
});
