import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { GuestAgents } from '../../actors/contracts/guest-agent.ts';
import type {
  BootResult,
  EffectControl,
  Hypervisor,
  Observation,
  OperationError,
  Outcome,
  RunRef,
  RunSpec,
} from '../../actors/contracts/hypervisor.ts';
import type { ProbeAddress } from '../../actors/contracts/probe-address.ts';
import { type Accelerator, type ProbedAccelerator, probeAccelerator } from './accelerator.ts';
import { bootRun, isWithdrawn } from './boot.ts';
import type { BootOptions } from './come-up.ts';
import { AGENT_SOCKET } from './command-line.ts';
import { removeTree } from './forgotten-runs.ts';
import { QemuGuestAgents } from './guest-agents.ts';
import { type Image, type ImageStore, memoryError } from './image/store.ts';
import { queryAgentOpen } from './monitor.ts';
import { killRun, shutDownRun } from './operations.ts';
import { type PresentVmm, presentVmm } from './present-vmm.ts';
import { describeRun, otherLiveRun, type RunScope, type RunWatches } from './reality.ts';
import { instanceDirectory, listRuns, runDirectory } from './run-directory.ts';
import { readRunLog } from './run-log.ts';
import { type RunWatch, type WatchedRun, watchRun } from './run-watch.ts';
import { setGuestClock } from './snapshots/guest-clock.ts';
import { pauseRun, resumeRun, snapshotOperations } from './snapshots/operations.ts';
import { LOAD_LIMIT_MS, restoreRun } from './snapshots/restore.ts';
import { createRunMemories } from './snapshots/run-memories.ts';
import { openSnapshotStore } from './snapshots/store.ts';

export interface QemuOptions {
  /** The data directory; everything of an instance lies in `instances/<id>/` under it. */
  readonly directory: string;
  readonly images: ImageStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Where bridged guests are asked from whether they are ready; by default from wherever the kernel takes it. */
  readonly probeAddress?: ProbeAddress;
  /** The program; `qemu-system-x86_64` by default. */
  readonly binary?: string;
  /** Whether the memory of snapshots is hashed too: it takes as long as reading it. */
  readonly verifyMemory?: boolean;
  /** How long a VMM may take to load a saved guest. */
  readonly loadLimitMs?: number;
  readonly log?: (line: string) => void;
}

const BINARY = 'qemu-system-x86_64';

const keyOf = (ref: RunRef): string => `${ref.instance}/${ref.run}`;

/** The watches of the runs this object observes, by `instance/run`. */
function createWatches(): RunWatches & {
  readonly keep: (watch: RunWatch) => void;
  readonly closeAll: () => Promise<void>;
} {
  const watches = new Map<string, RunWatch>();
  return {
    get: (ref) => watches.get(keyOf(ref)),
    keep: (watch) => {
      watches.set(keyOf(watch.ref), watch);
      void watch.ended.then(() => watches.delete(keyOf(watch.ref)));
    },
    closeAll: async () => {
      const open = [...watches.values()];
      watches.clear();
      await Promise.all(open.map((watch) => watch.close()));
    },
  };
}

/** Probes how guests can be run, once it has succeeded never again: a missing program may be installed later. */
function createProbe(binary: string, clock: Clock): () => Promise<ProbedAccelerator> {
  let probe: Promise<ProbedAccelerator> | null = null;
  return async () => {
    probe ??= probeAccelerator(binary, clock);
    const probed = await probe;
    if ('error' in probed) probe = null;
    return probed;
  };
}

function stillRunning(run: number): { outcome: 'failed'; error: OperationError } {
  return { outcome: 'failed', error: { code: 'still_running', message: `run ${run} still has a VMM` } };
}

type Start<T> = (image: Image, accelerator: Accelerator) => Promise<T>;

/** How runs of one hypervisor object are started, and which runs it is starting right now. */
function createStarter({ directory: root, images }: QemuOptions, accelerator: () => Promise<ProbedAccelerator>) {
  const booting = new Set<string>();
  const isBooting = (ref: RunRef): boolean => booting.has(keyOf(ref));

  const start = async (
    spec: RunSpec,
    control: EffectControl,
    scope: RunScope,
    begin: Start<Outcome<BootResult>>,
  ): Promise<Outcome<BootResult>> => {
    const found = await images.find(spec.image);
    if ('error' in found) return { outcome: 'failed', error: found.error };
    if (isWithdrawn(control)) return { outcome: 'withdrawn' };
    const probed = await accelerator();
    if ('error' in probed) return { outcome: 'failed', error: probed.error };
    const other = await otherLiveRun(scope, spec, listRuns(root, spec.instance));
    if (other !== null) return stillRunning(other);
    if (isBooting(spec))
      return { outcome: 'unknown', error: { code: 'run_taken', message: 'the run is being booted' } };
    booting.add(keyOf(spec));
    try {
      return await begin(found.image, probed.accelerator);
    } finally {
      booting.delete(keyOf(spec));
    }
  };
  return { start, isBooting };
}

/** Who runs programs in the guests that this object watches. */
function agentsOf(scope: RunScope, { clock, random }: QemuOptions): QemuGuestAgents {
  return new QemuGuestAgents({
    clock,
    random,
    directoryOf: (ref) => {
      const directory = runDirectory(scope.root, ref);
      return existsSync(join(directory, AGENT_SOCKET)) ? directory : null;
    },
    isOpen: async (ref) => {
      const monitor = scope.watches.get(ref)?.monitor() ?? null;
      return monitor === null ? null : queryAgentOpen(monitor);
    },
    onGone: (ref, listener) => scope.watches.get(ref)?.onAgentGone(listener) ?? (() => undefined),
  });
}

export interface QemuHypervisor extends Hypervisor {
  readonly agents: GuestAgents;
}

/** QEMU as a hypervisor: each run is a detached QEMU process under a small supervisor, both outliving this process. */
export function createQemuHypervisor(options: QemuOptions): QemuHypervisor {
  const { directory: root, images, clock, random, probeAddress = () => null } = options;
  const log = options.log ?? (() => undefined);
  const listeners = new Set<(observation: Observation) => void>();
  const emit = (observation: Observation): void => {
    for (const listener of listeners) {
      try {
        listener(observation);
      } catch (error) {
        // The others must hear it all the same, and the watch must go on.
        log(`a listener failed on ${observation.type}: ${error}`);
      }
    }
  };
  const watches = createWatches();
  const binary = options.binary ?? BINARY;
  const boot: BootOptions = { root, binary, clock, probeAddress, random, log, emit, keep: watches.keep };
  const accelerator = createProbe(binary, clock);
  const starter = createStarter(options, accelerator);
  const scope: RunScope = { root, clock, probeAddress, watches, isBooting: starter.isBooting };
  const agents = agentsOf(scope, options);
  const { verifyMemory = false, loadLimitMs = LOAD_LIMIT_MS } = options;
  const store = openSnapshotStore(root, random, verifyMemory);
  const present = (): Promise<PresentVmm> => presentVmm(binary, accelerator);
  const memories = createRunMemories();
  const tools = { scope, clock, store, memories, present, boot, agents, verifyMemory, loadLimitMs };
  const watchAdopted = (run: WatchedRun): RunWatch => {
    const watch = watchRun(run, { clock, probeAddress, emit, log, isFresh: false });
    watches.keep(watch);
    return watch;
  };

  return {
    agents,
    name: 'qemu',
    snapshots: true,
    checkImage: async (image, memoryBytes) => {
      const found = await images.find(image);
      return 'error' in found ? found.error : memoryError(found.image, memoryBytes);
    },
    inspect: (ref) => describeRun(scope, ref),
    adopt: (ref) => describeRun(scope, ref, watchAdopted),
    boot: (spec, control) =>
      starter.start(spec, control, scope, (image, accelerator) => bootRun(spec, image, accelerator, control, boot)),
    restore: (spec, from, control) =>
      starter.start(spec, control, scope, (image, accelerator) =>
        restoreRun(tools, { spec, from, image, accelerator }, control),
      ),
    pause: (ref, control) => pauseRun(tools, ref, control),
    resume: (ref, control) => resumeRun(tools, ref, control),
    ...snapshotOperations(tools),
    setClock: (ref, at, control) => setGuestClock({ scope, agents }, ref, at, control),
    shutdown: (ref, control) => shutDownRun(scope, ref, control),
    kill: (ref, control) => killRun(scope, ref, control),
    remove: async (instance) => {
      const alive = await otherLiveRun(scope, { instance, run: -1 }, listRuns(root, instance));
      if (alive !== null) return stillRunning(alive);
      await removeTree(instanceDirectory(root, instance));
      return { outcome: 'done', result: null };
    },
    readLog: async (ref, source, from, maxBytes) => readRunLog(runDirectory(root, ref), source, from, maxBytes),
    observe: (listener) => {
      const own = (observation: Observation): void => listener(observation);
      listeners.add(own);
      return () => listeners.delete(own);
    },
    close: async () => {
      listeners.clear();
      agents.close();
      await watches.closeAll();
    },
  };
}
