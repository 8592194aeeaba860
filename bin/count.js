/** @typedef {{ passed: number, failed: number, skipped: number }} Count */

/**
 * @typedef {{ assertionResults: { status: string }[], status: string }} FileReport
 * @typedef {{ success: boolean, testResults: FileReport[] }} Report what vitest's JSON reporter writes
 */

/**
 * Counts a run of vitest. A file that could not be loaded, an error outside any test and a run without a single test
 * each count as one failure: none of them may look like success.
 *
 * @param {Report | null} report null when vitest left none
 * @param {boolean} isWell how vitest itself ended: it also fails by an error outside any test, of which its report says nothing
 * @returns {Count}
 */
export function countTests(report, isWell) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report?.testResults ?? []) {
    const before = count.failed;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') count.passed += 1;
      else if (test.status === 'failed') count.failed += 1;
      else count.skipped += 1;
    }
    if (file.status === 'failed' && count.failed === before) count.failed += 1;
  }
  const empty = count.passed + count.failed + count.skipped === 0;
  if (count.failed === 0 && (empty || !isWell || !report?.success)) count.failed = 1;
  return count;
}

/**
 * The last line of every check, alone on its line.
 *
 * @param {Count} count
 */
export function countLine(count) {
  return `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`;
}

/**
 * A skipped test proves nothing, so it is no success either.
 *
 * @param {Count} count
 */
export function isGood(count) {
  return count.passed > 0 && count.failed === 0 && count.skipped === 0;
}
