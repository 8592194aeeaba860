import type { BootResult, EffectControl, OperationError, Outcome, RunSpec } from '../../actors/contracts/hypervisor.ts';
import { hostProcesses } from '../../actors/contracts/process-identity.ts';
import type { Accelerator } from './accelerator.ts';
import { type BootOptions, comeUp } from './come-up.ts';
import { commandLine, MEMORY_FILE, machineShape } from './command-line.ts';
import { formatReadyRule } from './image/manifest.ts';
import { type Image, memoryError } from './image/store.ts';
import { reserveFile } from './reserve-file.ts';
import {
  type GuestIdentity,
  giveUpRun,
  keepFacts,
  LOOPBACK,
  type RunFacts,
  runDirectory,
  takeRun,
} from './run-directory.ts';
import { forgetMemory, isKilled } from './run-ending.ts';

type Booted = Outcome<BootResult>;

function failed(code: string, message: string): Extract<Booted, { outcome: 'failed' }> {
  return { outcome: 'failed', error: { code, message } };
}

/** Whether an effect was withdrawn. Asked in the same tick as the irreversible call. */
export function isWithdrawn(control: EffectControl): boolean {
  return control.signal.aborted || !control.stillWanted();
}

/** Where the image's `port:N` rule is asked; null by the other rules, undefined when it cannot be reached. */
function readyDoor({ network }: RunSpec, { ready }: Image): { host: string; port: number } | null | undefined {
  if (ready.by !== 'port') return null;
  if (network.mode === 'none') return undefined;
  if (network.mode === 'bridge') return { host: network.address, port: ready.guestPort };
  const forward = network.ports.find((port) => port.guest_port === ready.guestPort);
  return forward === undefined ? undefined : { host: LOOPBACK, port: forward.host_port };
}

function identityOf({ network }: RunSpec): GuestIdentity | null {
  if (network.mode !== 'bridge') return null;
  const { mac, address, prefix, gateway, address6, prefix6, gateway6 } = network;
  return { mac, address, prefix, gateway, address6, prefix6, gateway6 };
}

/** What is written down of a run before it starts; else why it cannot be started. */
export function factsOf(
  spec: RunSpec,
  image: Image,
  accelerator: Accelerator,
  options: Pick<BootOptions, 'random' | 'binary'>,
): { readonly facts: RunFacts } | { readonly error: OperationError } {
  const tooSmall = memoryError(image, spec.memory_bytes);
  if (tooSmall !== null) return { error: tooSmall };
  const door = readyDoor(spec, image);
  if (door === undefined) {
    const message = `image ${image.name} is ready by ${formatReadyRule(image.ready)}; forward it`;
    return { error: { code: 'ready_port_not_forwarded', message } };
  }
  const facts: RunFacts = {
    token: options.random.hex(8),
    boot_id: hostProcesses.bootId(),
    accelerator: `qemu/${accelerator.name}`,
    image: image.name,
    ready: formatReadyRule(image.ready),
    ready_host: door?.host ?? LOOPBACK,
    ready_host_port: door?.port ?? null,
    argv: commandLine(options.binary, spec, image, accelerator),
    memory_file: MEMORY_FILE,
    shape: machineShape(spec, image, accelerator),
    identity: identityOf(spec),
    restored_from: null,
  };
  return { facts };
}

/** Takes a run and sees to what its directory has to hold before the spawn. Null when that is done. */
export async function prepareRun(
  directory: string,
  facts: RunFacts,
  fill: () => Promise<OperationError | null>,
): Promise<Booted | null> {
  const taken = await takeRun(directory, facts).catch((error: Error) => error);
  if (taken instanceof Error) return failed('storage_failed', `the run cannot be written down: ${taken.message}`);
  if (!taken) return { outcome: 'unknown', error: { code: 'run_taken', message: 'this run was asked for before' } };
  const error = await fill();
  if (error === null) return null;
  await giveUpRun(directory, facts.token);
  return { outcome: 'failed', error };
}

/** Puts a taken run on the disk beside its start: it has to be there before it counts. Null when it is, else why not. */
export function keptOnDisk(directory: string): Promise<Extract<Booted, { outcome: 'failed' }> | null> {
  return keepFacts(directory).then(
    () => null,
    (error: Error) => failed('storage_failed', `the run cannot be written down: ${error.message}`),
  );
}

/** Boots one run: takes it, asks the last question, and spawns in the same tick. */
export async function bootRun(
  spec: RunSpec,
  image: Image,
  accelerator: Accelerator,
  control: EffectControl,
  options: BootOptions,
): Promise<Booted> {
  const made = factsOf(spec, image, accelerator, options);
  if ('error' in made) return { outcome: 'failed', error: made.error };
  const { facts } = made;
  const directory = runDirectory(options.root, spec);
  const refused = await prepareRun(directory, facts, () => reserveFile(directory, MEMORY_FILE, spec.memory_bytes));
  if (refused !== null) return refused;
  if (isWithdrawn(control)) {
    await giveUpRun(directory, facts.token);
    return { outcome: 'withdrawn' };
  }
  const kept = keptOnDisk(directory);
  const there = await comeUp(spec, facts, control, options);
  if (there.came === 'down') return there.outcome;
  if (there.came === 'withdrawn' && !there.isStarted) return { outcome: 'withdrawn' };
  const unkept = there.came === 'up' ? await kept : null;
  if (unkept !== null && there.came === 'up') {
    await there.watch.close();
    if (await isKilled(there.identity, options.clock)) {
      await forgetMemory(directory, facts);
      return unkept;
    }
    return { outcome: 'unknown', error: { code: 'timed_out', message: 'a VMM that cannot be kept lives on' } };
  }
  there.keep();
  if (there.came === 'up') {
    return { outcome: 'done', result: { pid: there.identity.pid, accelerator: facts.accelerator } };
  }
  return { outcome: 'unknown', error: { code: 'withdrawn_late', message: 'withdrawn while the VMM was starting' } };
}
