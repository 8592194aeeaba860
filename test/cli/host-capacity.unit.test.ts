/** Goal: the settings about capacity become the limits they name. */
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { describe, expect, test } from 'vitest';
import { OPTIONS } from '../../src/cli/config/options.ts';
import { capacityOf } from '../../src/cli/daemon/host-capacity.ts';

const REAL = { data: tmpdir(), simulated: false };
const NO_LIMIT = Number.POSITIVE_INFINITY;

describe('limits', () => {
  test('without any setting there is none', () => {
    const { memory_bytes, vcpus, disk_bytes } = capacityOf({}, REAL);
    expect([memory_bytes, vcpus, disk_bytes]).toEqual([NO_LIMIT, NO_LIMIT, NO_LIMIT]);
  });

  test('auto is what this machine has', () => {
    const all = { capacity_memory: 'auto', capacity_vcpus: 'auto', capacity_disk: 'auto' } as const;
    const { memory_bytes, vcpus, disk_bytes } = capacityOf(all, REAL);
    expect([memory_bytes, vcpus]).toEqual([totalmem(), availableParallelism()]);
    expect(disk_bytes).toBeGreaterThan(2 ** 20);
    expect(disk_bytes).toBeLessThan(NO_LIMIT);
  });

  test('simulated VMs take nothing of this machine, but a limit that is named holds', () => {
    const simulated = { ...REAL, simulated: true };
    expect(capacityOf({ capacity_memory: 'auto' }, simulated).memory_bytes).toBe(NO_LIMIT);
    expect(capacityOf({ capacity_memory: 2 ** 30 }, simulated).memory_bytes).toBe(2 ** 30);
  });

  test('a ratio goes with each of them', () => {
    expect(capacityOf({ overcommit_memory: 1.5, overcommit_vcpus: 4 }, REAL).overcommit).toEqual({
      memory: 1.5,
      vcpus: 4,
      disk: 1,
    });
  });
});

describe('as settings', () => {
  test.each([
    ['capacity_memory', '16GB', 16 * 1024 ** 3],
    ['capacity_memory', 'auto', 'auto'],
    ['capacity_vcpus', 8, 8],
    ['capacity_vcpus', 'off', 'off'],
    ['capacity_disk', '1.5T', 1.5 * 1024 ** 4],
    ['overcommit_memory', '1.5', 1.5],
  ] as const)('%s of %s is read', (key, written, read) => {
    expect(OPTIONS[key].schema.parse(written)).toBe(read);
  });

  test.each([
    ['capacity_memory', '-1GB'],
    ['capacity_memory', '0'],
    ['capacity_memory', 'lots'],
    ['capacity_vcpus', '1.5'],
    ['capacity_vcpus', '0'],
    ['overcommit_memory', '0'],
    ['overcommit_vcpus', 'all'],
    ['overcommit_disk', '1000'],
  ] as const)('%s of %s is refused', (key, written) => {
    expect(OPTIONS[key].schema.safeParse(written).success).toBe(false);
  });
});
