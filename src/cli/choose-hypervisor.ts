import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Clock, Random } from '../actors/contracts/clock.ts';
import type { Hypervisor } from '../actors/contracts/hypervisor.ts';
import { createQemuHypervisor } from '../adapters/qemu/hypervisor.ts';
import { openImageStore } from '../adapters/qemu/image/store.ts';
import { createSimulator } from '../adapters/simulator/simulator.ts';
import type { DataDirectory } from './data-directory.ts';
import { worldProgram } from './simulator-world.ts';

export type HypervisorChoice = 'auto' | 'qemu' | 'simulator';

export interface Chosen {
  readonly hypervisor: Hypervisor;
  /** One line for people: which, and why. */
  readonly reason: string;
}

const QEMU_BINARY = 'qemu-system-x86_64';

/** `auto` takes QEMU when it is installed; which accelerator really works it finds out itself, by trying. */
export function chooseHypervisor(
  choice: HypervisorChoice,
  directory: DataDirectory,
  given: { clock: Clock; random: Random; log: (line: string) => void },
): Chosen {
  const installed = (process.env.PATH ?? '').split(delimiter).some((path) => existsSync(join(path, QEMU_BINARY)));
  if (choice === 'simulator' || (choice === 'auto' && !installed)) {
    const world = { directory: directory.path, program: worldProgram };
    const reason = choice === 'auto' ? `simulator (no ${QEMU_BINARY} found: no VM is real)` : 'simulator (as asked)';
    return { hypervisor: createSimulator({ world, clock: given.clock }), reason };
  }
  const images = openImageStore(directory.images);
  return { hypervisor: createQemuHypervisor({ directory: directory.path, images, ...given }), reason: 'qemu' };
}
