import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { ActivitySource } from '../actors/contracts/activity.ts';
import type { Clock, Random } from '../actors/contracts/clock.ts';
import type { Hypervisor } from '../actors/contracts/hypervisor.ts';
import type { Prober } from '../actors/contracts/probe.ts';
import { createExecProber } from '../adapters/probes/exec-prober.ts';
import { createHttpProber } from '../adapters/probes/http-prober.ts';
import { createProbers } from '../adapters/probes/probers.ts';
import { createTcpProber } from '../adapters/probes/tcp-prober.ts';
import { createQemuHypervisor } from '../adapters/qemu/hypervisor.ts';
import { openImageStore } from '../adapters/qemu/image/store.ts';
import { simulatedActivityOver } from '../adapters/simulator/simulated-activity.ts';
import { simulatedProberOver } from '../adapters/simulator/simulated-prober.ts';
import { simulatorOver } from '../adapters/simulator/simulator.ts';
import { socketPort } from '../adapters/simulator/world-socket.ts';
import type { DataDirectory } from './data-directory.ts';
import { worldProgram } from './simulator-world.ts';

export type HypervisorChoice = 'auto' | 'qemu' | 'simulator';

export interface Chosen {
  readonly hypervisor: Hypervisor;
  /** Asks its guests whether they are well. */
  readonly prober: Prober;
  /** Knows who talks to them; only simulated guests come with one. */
  readonly activity?: ActivitySource;
  /** One line for people: which, and why. */
  readonly reason: string;
}

interface Given {
  readonly clock: Clock;
  readonly random: Random;
  readonly version: string;
  readonly verifyMemory: boolean;
  readonly log: (line: string) => void;
  /** Where probes of bridged guests come from; null: from wherever the kernel takes them. */
  readonly probeAddress: () => string | null;
}

const QEMU_BINARY = 'qemu-system-x86_64';

/** `auto` takes QEMU when it is installed; which accelerator really works it finds out itself, by trying. */
export function chooseHypervisor(choice: HypervisorChoice, directory: DataDirectory, given: Given): Chosen {
  const installed = (process.env.PATH ?? '').split(delimiter).some((path) => existsSync(join(path, QEMU_BINARY)));
  if (choice === 'simulator' || (choice === 'auto' && !installed)) {
    const world = { directory: directory.path, program: worldProgram };
    const port = socketPort({ ...world, clock: given.clock, role: 'owner' });
    const reason = choice === 'auto' ? `simulator (no ${QEMU_BINARY} found: no VM is real)` : 'simulator (as asked)';
    const [hypervisor, activity] = [simulatorOver(port, given.clock), simulatedActivityOver(port, given.clock)];
    return { hypervisor, prober: simulatedProberOver(port), activity, reason };
  }
  const images = openImageStore(directory.images);
  const { clock, random, log, version, verifyMemory, probeAddress } = given;
  const told = { log, verifyMemory, probeAddress };
  const hypervisor = createQemuHypervisor({ directory: directory.path, images, clock, random, ...told });
  const prober = createProbers({
    http: createHttpProber({ clock, version, probeAddress }),
    tcp: createTcpProber({ clock, probeAddress }),
    exec: createExecProber(hypervisor),
  });
  return { hypervisor, prober, reason: 'qemu' };
}
