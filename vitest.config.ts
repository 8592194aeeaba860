import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * Unit tests are pure and take milliseconds, some of them a few seconds of thinking, which are many on a busy machine;
 * anything slower than this is waiting for something it should be given.
 */
const UNIT_TIMEOUT_MS = 60_000;
/** Tests with real processes, sockets and disks, on a small machine that does several things at once. */
const INT_TIMEOUT_MS = 60_000;
/** Whole processes, real VMs under emulation. */
const E2E_TIMEOUT_MS = 180_000;

/**
 * Tests with real processes mostly wait for them. Two files at a time, and two tests of a file that allows it, use a
 * machine with two cores and starve none of its deadline, also where they boot emulated guests.
 */
const BESIDE_EACH_OTHER = Math.min(2, availableParallelism());

function withProcesses(kind: 'int' | 'e2e', timeoutMs: number) {
  return {
    extends: true as const,
    test: {
      name: kind,
      include: [`test/**/*.${kind}.test.ts`],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      pool: 'forks' as const,
      maxWorkers: BESIDE_EACH_OTHER,
      maxConcurrency: BESIDE_EACH_OTHER,
      sequence: { groupOrder: 1 },
    },
  };
}

/**
 * Two groups, one after the other: unit tests share all cores; tests with real processes run a few at a time. Nothing is
 * retried: a test that sometimes fails is a defect of the test or of the code.
 */
export default defineConfig({
  test: {
    retry: 0,
    passWithNoTests: false,
    globalSetup: 'test/compile-cache.ts',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.unit.test.ts'],
          testTimeout: UNIT_TIMEOUT_MS,
          hookTimeout: UNIT_TIMEOUT_MS,
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      withProcesses('int', INT_TIMEOUT_MS),
      withProcesses('e2e', E2E_TIMEOUT_MS),
    ],
  },
});
