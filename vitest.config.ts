import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * Unit tests are pure and take milliseconds, some of them a few seconds of thinking, which are many on a busy machine;
 * anything slower than this is waiting for something it should be given.
 */
const UNIT_TIMEOUT_MS = 30_000;
/** Tests with real processes, sockets and disks, on a small machine that does several things at once. */
const INT_TIMEOUT_MS = 60_000;
/** Whole processes, real VMs under emulation. */
const E2E_TIMEOUT_MS = 180_000;

/**
 * Three groups, one after the other: unit tests share all cores; tests with real processes run one file at a time, so
 * that none starves another of its deadline on a machine with two cores. Nothing is retried: a test that sometimes
 * fails is a defect of the test or of the code.
 */
export default defineConfig({
  test: {
    retry: 0,
    passWithNoTests: false,
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
      {
        extends: true,
        test: {
          name: 'int',
          include: ['test/**/*.int.test.ts'],
          testTimeout: INT_TIMEOUT_MS,
          hookTimeout: INT_TIMEOUT_MS,
          pool: 'forks',
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.test.ts'],
          testTimeout: E2E_TIMEOUT_MS,
          hookTimeout: E2E_TIMEOUT_MS,
          pool: 'forks',
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
