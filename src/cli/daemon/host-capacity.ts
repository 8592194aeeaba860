import { statfsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import type { CapacityLimits } from '../../actors/capacity.ts';

/** How much of this host VMs may take, as the settings say. */

/** `auto`: what this machine has. `off`: no limit. Else that much: bytes, or virtual processors. */
export type Limit = 'auto' | 'off' | number;

export interface CapacityOptions {
  readonly capacity_memory?: Limit;
  readonly capacity_vcpus?: Limit;
  readonly capacity_disk?: Limit;
  readonly overcommit_memory?: number;
  readonly overcommit_vcpus?: number;
  readonly overcommit_disk?: number;
}

/** A host that runs simulated VMs has whatever it is asked for, unless it is told what it has. */
export function capacityOf(options: CapacityOptions, given: { data: string; simulated: boolean }): CapacityLimits {
  const { overcommit_memory = 1, overcommit_vcpus = 1, overcommit_disk = 1 } = options;
  const limited = (limit: Limit | undefined, found: () => number): number => {
    if (typeof limit === 'number') return limit;
    return limit === 'auto' && !given.simulated ? found() : Number.POSITIVE_INFINITY;
  };
  return {
    memory_bytes: limited(options.capacity_memory, totalmem),
    vcpus: limited(options.capacity_vcpus, availableParallelism),
    disk_bytes: limited(options.capacity_disk, () => diskOf(given.data)),
    overcommit: { memory: overcommit_memory, vcpus: overcommit_vcpus, disk: overcommit_disk },
  };
}

function diskOf(path: string): number {
  const { blocks, bsize } = statfsSync(path);
  return blocks * bsize;
}
