import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { systemClock, systemRandom } from '../../../src/actors/clock.ts';
import { hostProcesses } from '../../../src/actors/contracts/process-identity.ts';
import { createQemuHypervisor, type QemuHypervisor } from '../../../src/adapters/qemu/hypervisor.ts';
import { openImageStore } from '../../../src/adapters/qemu/image/store.ts';
import type { QmpConnection } from '../../../src/adapters/qemu/qmp.ts';
import type { RunScope } from '../../../src/adapters/qemu/reality.ts';
import { type RunFacts, runDirectory, runFactsSchema } from '../../../src/adapters/qemu/run-directory.ts';
import { createRunMemories } from '../../../src/adapters/qemu/snapshots/run-memories.ts';
import type { SnapshotTools } from '../../../src/adapters/qemu/snapshots/save.ts';
import { openSnapshotStore } from '../../../src/adapters/qemu/snapshots/store.ts';

/** A run whose files are there, whose VMM is a process that does nothing, and whose monitor is the test's. */

export const REF = { instance: 'web', run: 1 };
export const MEMORY_TEXT = 'what the guest had in mind';
const STATE = Buffer.from('what the devices were');
const TOKEN = 'c0ffee';

export interface PretendedRun {
  readonly directory: string;
  readonly vmm: ChildProcess;
}

/** Writes all that tells of a run which was started and lives. */
export function pretendRun(root: string, facts: Partial<RunFacts> = {}, ref = REF): PretendedRun {
  const directory = runDirectory(root, ref);
  mkdirSync(join(directory, `ticket-${TOKEN}.d`), { recursive: true });
  const vmm = spawn('sleep', ['600'], { stdio: 'ignore' });
  const made = runFactsSchema.parse({
    token: TOKEN,
    boot_id: hostProcesses.bootId(),
    accelerator: 'qemu/tcg',
    image: 'demo',
    ready: 'immediate',
    ready_host_port: null,
    argv: ['qemu'],
    memory_file: 'memory',
    ...facts,
  });
  writeFileSync(join(directory, 'spec.json'), JSON.stringify(made));
  writeFileSync(join(directory, 'memory'), MEMORY_TEXT);
  const stat = readFileSync(`/proc/${vmm.pid}/stat`, 'utf8');
  writeFileSync(join(directory, `process-${TOKEN}`), `${hostProcesses.bootId()}\n${stat}`);
  writeFileSync(join(directory, `ticket-${TOKEN}.d`, 'used'), '');
  return { directory, vmm };
}

/** Ends its process, unless it has ended, and waits until that is so. */
export async function endPretended({ vmm }: PretendedRun): Promise<void> {
  if (vmm.exitCode !== null || vmm.signalCode !== null) return;
  const ended = once(vmm, 'exit');
  vmm.kill('SIGKILL');
  await ended;
}

/** Sees each command before it is answered, may hold it up, and may answer something else. */
export type Overhearing = (command: string) => Promise<unknown>;

/** Answers the monitor's commands as a VMM does that saves its paused guest. */
function pretendMonitor(directory: string, overhear: Overhearing): QmpConnection {
  const answers: Readonly<Record<string, unknown>> = {
    'query-status': { status: 'paused' },
    'query-migrate': { status: 'completed' },
    'query-chardev': [],
    'query-version': { qemu: { major: 7, minor: 2, micro: 0 } },
    'qom-get': 'pc-q35-7.2-machine',
  };
  return {
    execute: async (command) => {
      const other = await overhear(command);
      if (command === 'migrate') connect(join(directory, 'saving.sock')).end(STATE);
      return other ?? answers[command] ?? {};
    },
    close: () => undefined,
  };
}

/** What the operations on snapshots work with: that of one daemon, which knows nothing of the one before it. */
export function toolsOf(root: string, directory: string, overhear: Overhearing = async () => undefined): SnapshotTools {
  const clock = systemClock();
  const monitor = pretendMonitor(directory, overhear);
  const watch = { monitor: () => monitor } as ReturnType<RunScope['watches']['get']>;
  const scope: RunScope = {
    root,
    clock,
    probeAddress: () => null,
    watches: { get: () => watch },
    isBooting: () => false,
  };
  return {
    scope,
    clock,
    store: openSnapshotStore(root, systemRandom(), false),
    memories: createRunMemories(),
    present: async () => ({ version: null, accelerator: null }),
    verifyMemory: false,
  };
}

/** The hypervisor of a later daemon. */
export function hypervisorOf(root: string): QemuHypervisor {
  return createQemuHypervisor({
    directory: root,
    images: openImageStore(join(root, 'images')),
    clock: systemClock(),
    random: systemRandom(),
  });
}
