import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../actors/contracts/clock.ts';

/** How guest code is run. */
export interface Accelerator {
  readonly name: 'kvm' | 'tcg';
  /** QEMU options that choose it; the processor model must be the same when a snapshot is restored. */
  readonly options: readonly string[];
}

export type ProbedAccelerator =
  | { readonly accelerator: Accelerator }
  | { readonly error: { readonly code: 'hypervisor_missing' | 'spawn_failed'; readonly message: string } };

/** The translation cache: QEMU's own default costs 25 MB more for each VM. */
const TRANSLATION_CACHE_MIB = 32;
const KVM: Accelerator = { name: 'kvm', options: ['-accel', 'kvm', '-cpu', 'host'] };
const TCG: Accelerator = { name: 'tcg', options: ['-accel', `tcg,tb-size=${TRANSLATION_CACHE_MIB}`, '-cpu', 'max'] };

const PROBE_LIMIT_MS = 5_000;
const FIRMWARE_BYTES = 65_536;
/** Where the processor begins, counted from the end of the firmware. */
const RESET_VECTOR_FROM_END = 16;
const EXIT_PORT = 0xf4;
const PROOF = 0x2a;
/** The debug exit device ends QEMU with (value << 1) | 1. */
const PROOF_STATUS = (PROOF << 1) | 1;
/** mov dx, EXIT_PORT ; mov al, PROOF ; out dx, al ; hlt */
const PROOF_PROGRAM = [0xba, EXIT_PORT, 0x00, 0xb0, PROOF, 0xee, 0xf4];

function proofFirmware(): Buffer {
  const firmware = Buffer.alloc(FIRMWARE_BYTES, 0xf4);
  firmware.set(PROOF_PROGRAM, FIRMWARE_BYTES - RESET_VECTOR_FROM_END);
  return firmware;
}

type Ended = { readonly status: number | null } | { readonly error: NodeJS.ErrnoException };

async function statusWithin(child: ChildProcess, clock: Clock, limitMs: number): Promise<Ended> {
  const cancel = clock.after(limitMs, () => child.kill('SIGKILL'));
  try {
    return await new Promise<Ended>((resolve) => {
      child.once('error', (error) => resolve({ error }));
      child.once('exit', (status) => resolve({ status }));
    });
  } finally {
    cancel();
  }
}

/** Whether this QEMU really executes guest code with an accelerator: a firmware of seven bytes must report back. */
async function executesGuestCode(binary: string, accelerator: Accelerator, clock: Clock): Promise<Ended> {
  const directory = await mkdtemp(join(tmpdir(), 'statevisor-probe-'));
  try {
    const firmware = join(directory, 'firmware');
    await writeFile(firmware, proofFirmware());
    const options = ['-machine', 'q35', ...accelerator.options, '-m', '16M', '-nodefaults', '-no-user-config'];
    const devices = ['-display', 'none', '-bios', firmware, '-device', `isa-debug-exit,iobase=${EXIT_PORT},iosize=4`];
    const child = spawn(binary, [...options, ...devices], { stdio: 'ignore', cwd: directory });
    return await statusWithin(child, clock, PROBE_LIMIT_MS);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Finds out how guests can be run here: with KVM when it really executes something (the device file alone proves
 * nothing: some hosts have it and abort), else by emulation. Error `hypervisor_missing` when there is no QEMU.
 */
export async function probeAccelerator(binary: string, clock: Clock): Promise<ProbedAccelerator> {
  for (const accelerator of [KVM, TCG]) {
    const ended = await executesGuestCode(binary, accelerator, clock);
    if ('error' in ended) {
      const message = `${binary} cannot be run: ${ended.error.code ?? ended.error.message}`;
      return { error: { code: 'hypervisor_missing', message } };
    }
    if (ended.status === PROOF_STATUS) return { accelerator };
  }
  return { error: { code: 'spawn_failed', message: `${binary} runs no guest code, with KVM or without` } };
}
