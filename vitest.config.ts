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

/** What boots several guests at once, each of which takes a processor under emulation. */
const ALONE = { int: 'test/adapters/qemu.int.test.ts', e2e: 'test/{bridge,health}/*.e2e.test.ts' } as const;

/** All other tests with real processes mostly wait for them: two files at a time leave none of them without a processor. */
const BESIDE_EACH_OTHER = Math.min(2, availableParallelism());

function withProcesses(kind: 'int' | 'e2e', { alone }: { readonly alone: boolean }) {
  const timeout = kind === 'int' ? INT_TIMEOUT_MS : E2E_TIMEOUT_MS;
  return {
    extends: true as const,
    test: {
      name: alone ? `${kind}-alone` : kind,
      include: [alone ? ALONE[kind] : `test/**/*.${kind}.test.ts`],
      exclude: alone ? [] : [ALONE[kind]],
      testTimeout: timeout,
      hookTimeout: timeout,
      pool: 'forks' as const,
      maxWorkers: alone ? 1 : BESIDE_EACH_OTHER,
      maxConcurrency: BESIDE_EACH_OTHER,
      sequence: { groupOrder: alone ? 2 : 1 },
    },
  };
}

/**
 * Three groups, one after the other: unit tests share all cores; tests with real processes run two files at a time, or
 * one, so that none starves another of its deadline on a machine with two cores. Nothing is retried: a test that sometimes
 * fails is a defect of the test or of the code.
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
      withProcesses('int', { alone: false }),
      withProcesses('e2e', { alone: false }),
      withProcesses('int', { alone: true }),
      withProcesses('e2e', { alone: true }),
    ],
  },
});
