import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { BootResult, EffectControl, Observation, Outcome, RunSpec } from '../../actors/contracts/hypervisor.ts';
import { hostProcesses, signalProcess } from '../../actors/contracts/process-identity.ts';
import type { Accelerator } from './accelerator.ts';
import { commandLine, MONITOR_SOCKET } from './command-line.ts';
import { formatReadyRule } from './image/manifest.ts';
import { type Image, memoryError } from './image/store.ts';
import {
  giveUpRun,
  LOOPBACK,
  type RunFacts,
  readRunState,
  readStatus,
  runDirectory,
  takeRun,
} from './run-directory.ts';
import { isGoneWithin, tellEnd } from './run-ending.ts';
import { type RunWatch, watchRun } from './run-watch.ts';
import { startSupervisor } from './supervisor.ts';

/** How long a new VMM may take until its monitor greets; about 50 ms on an idle machine. */
export const BOOT_LIMIT_MS = 20_000;
const BOOT_STEP_MS = 5;
const GONE_LIMIT_MS = 5_000;
/** What a shell answers when the program cannot be run. */
const CANNOT_RUN_STATUS = [126, 127];

export interface BootOptions {
  readonly root: string;
  readonly binary: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: (line: string) => void;
  readonly emit: (observation: Observation) => void;
  /** Takes over the watch of a VMM that runs. */
  readonly keep: (watch: RunWatch) => void;
}

type Booted = Outcome<BootResult>;

function failed(code: string, message: string): Booted {
  return { outcome: 'failed', error: { code, message } };
}

/** Whether an effect was withdrawn. Asked in the same tick as the irreversible call. */
export function isWithdrawn(control: EffectControl): boolean {
  return control.signal.aborted || !control.stillWanted();
}

/** How QEMU tells that it cannot forward a port of this host. */
const FORWARD_REFUSED = /could not set up host forwarding rule 'tcp:[\d.]*:(\d+)-/i;

/** Tells why a VMM that ended by itself during its boot did so. */
async function failureOf(directory: string, facts: RunFacts, clock: Clock): Promise<Booted> {
  const end = await tellEnd(directory, facts, clock);
  const message = end.message ?? 'the VMM ended before it ran';
  if (CANNOT_RUN_STATUS.includes(readStatus(directory) ?? 0)) return failed('hypervisor_missing', message);
  const [, port] = FORWARD_REFUSED.exec(message) ?? [];
  if (port !== undefined) return failed('port_in_use', `port ${port} of this host is taken by something else`);
  if (/address already in use/i.test(message)) return failed('port_in_use', message);
  if (/could not configure \/dev\/net\/tun/.test(message)) {
    return failed(/busy/i.test(message) ? 'tap_busy' : 'no_rights', message);
  }
  return failed('spawn_failed', message);
}

/** Where the image's `port:N` rule is asked; null by the other rules, undefined when it cannot be reached. */
function readyDoor({ network }: RunSpec, { ready }: Image): { host: string; port: number } | null | undefined {
  if (ready.by !== 'port') return null;
  if (network.mode === 'none') return undefined;
  if (network.mode === 'bridge') return { host: network.address, port: ready.guestPort };
  const forward = network.ports.find((port) => port.guest_port === ready.guestPort);
  return forward === undefined ? undefined : { host: LOOPBACK, port: forward.host_port };
}

/** Holds observations back until the boot is known to be done; those of a boot that failed are dropped. */
function gate(emit: (observation: Observation) => void): {
  readonly emit: (observation: Observation) => void;
  readonly open: () => void;
} {
  let held: Observation[] | null = [];
  return {
    emit: (observation) => {
      if (held === null) emit(observation);
      else held.push(observation);
    },
    open: () => {
      const early = held ?? [];
      held = null;
      for (const observation of early) emit(observation);
    },
  };
}

/** Ends whatever there is of a run that did not come up in time. */
async function abandon(directory: string, facts: RunFacts, clock: Clock): Promise<Booted> {
  const limit = { code: 'timed_out', message: `the VMM was not there within ${BOOT_LIMIT_MS} ms` };
  if (await giveUpRun(directory, facts.token)) return { outcome: 'failed', error: limit };
  const state = readRunState(directory);
  if (state.state === 'alive') {
    signalProcess(state.identity, 'SIGKILL');
    if (!(await isGoneWithin(state.identity, clock, GONE_LIMIT_MS))) return { outcome: 'unknown', error: limit };
  }
  return { outcome: 'failed', error: limit };
}

/** Follows a spawned run until its monitor answers, it ends, its effect is withdrawn or the limit has passed. */
async function comeUp(spec: RunSpec, facts: RunFacts, control: EffectControl, options: BootOptions): Promise<Booted> {
  const { clock } = options;
  const directory = runDirectory(options.root, spec);
  const ref = { instance: spec.instance, run: spec.run };
  const gated = gate(options.emit);
  const deadline = clock.monotonic() + BOOT_LIMIT_MS;
  const supervisor = startSupervisor(directory, facts);
  let supervisorEnd: { readonly failure: string | null } | null = null;
  void supervisor.ended.then((end) => {
    supervisorEnd = end;
  });
  let watch: RunWatch | null = null;
  const keep = (kept: RunWatch): void => {
    options.keep(kept);
    gated.open();
  };
  while (clock.monotonic() < deadline) {
    const state = readRunState(directory);
    if (state.state === 'alive' && watch === null && existsSync(join(directory, MONITOR_SOCKET))) {
      const run = { ref, directory, facts, identity: state.identity };
      watch = watchRun(run, { clock, emit: gated.emit, log: options.log, isFresh: true });
    }
    if (watch?.monitor() && state.state === 'alive') {
      keep(watch);
      return { outcome: 'done', result: { pid: state.identity.pid, accelerator: facts.accelerator } };
    }
    if (state.state === 'gone' || supervisorEnd !== null) {
      await watch?.close();
      if (state.state === 'gone') return failureOf(directory, facts, clock);
      if (state.state !== 'alive' && (await giveUpRun(directory, facts.token))) {
        return failed('spawn_failed', 'the supervisor of the VMM could not be started');
      }
    }
    if (control.signal.aborted) {
      if (watch === null && (await giveUpRun(directory, facts.token))) return { outcome: 'withdrawn' };
      if (watch !== null) keep(watch);
      return { outcome: 'unknown', error: { code: 'withdrawn_late', message: 'withdrawn while the VMM was starting' } };
    }
    await clock.sleep(BOOT_STEP_MS, control.signal);
  }
  await watch?.close();
  return abandon(directory, facts, clock);
}

/** Boots one run: takes it, asks the last question, and spawns in the same tick. */
export async function bootRun(
  spec: RunSpec,
  image: Image,
  accelerator: Accelerator,
  control: EffectControl,
  options: BootOptions,
): Promise<Booted> {
  const tooSmall = memoryError(image, spec.memory_bytes);
  if (tooSmall !== null) return { outcome: 'failed', error: tooSmall };
  const door = readyDoor(spec, image);
  if (door === undefined) {
    const rule = formatReadyRule(image.ready);
    return failed('ready_port_not_forwarded', `image ${image.name} is ready by ${rule}; forward it`);
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
  };
  const directory = runDirectory(options.root, spec);
  const taken = await takeRun(directory, facts).catch((error: Error) => error);
  if (taken instanceof Error) return failed('storage_failed', `the run cannot be written down: ${taken.message}`);
  if (!taken) {
    return { outcome: 'unknown', error: { code: 'run_taken', message: `run ${spec.run} was asked for before` } };
  }
  if (isWithdrawn(control)) {
    await giveUpRun(directory, facts.token);
    return { outcome: 'withdrawn' };
  }
  return comeUp(spec, facts, control, options);
}
