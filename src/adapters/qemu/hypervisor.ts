import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { GuestAgents } from '../../actors/contracts/guest-agent.ts';
import type {
  EffectControl,
  Hypervisor,
  Observation,
  OperationError,
  RunRef,
  RunSpec,
} from '../../actors/contracts/hypervisor.ts';
import { type ProbedAccelerator, probeAccelerator } from './accelerator.ts';
import { type BootOptions, bootRun, isWithdrawn } from './boot.ts';
import { AGENT_SOCKET } from './command-line.ts';
import { QemuGuestAgents } from './guest-agents.ts';
import { type ImageStore, memoryError } from './image/store.ts';
import { queryAgentOpen } from './monitor.ts';
import { killRun, shutDownRun, tellGuest } from './operations.ts';
import { describeRun, otherLiveRun, type RunScope, type RunWatches } from './reality.ts';
import { instanceDirectory, listRuns, runDirectory } from './run-directory.ts';
import { readRunLog } from './run-log.ts';
import { type RunWatch, type WatchedRun, watchRun } from './run-watch.ts';

export interface QemuOptions {
  /** The data directory; everything of an instance lies in `instances/<id>/` under it. */
  readonly directory: string;
  readonly images: ImageStore;
  readonly clock: Clock;
  readonly random: Random;
  /** The program; `qemu-system-x86_64` by default. */
  readonly binary?: string;
  readonly log?: (line: string) => void;
}

const BINARY = 'qemu-system-x86_64';

function notSupported(what: string): Promise<{ outcome: 'failed'; error: { code: string; message: string } }> {
  const message = `${what} is not supported by this hypervisor`;
  return Promise.resolve({ outcome: 'failed', error: { code: 'not_supported', message } });
}

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

/** The operation `boot` of one hypervisor object, and which runs it is booting right now. */
function createBoot(options: QemuOptions, shared: Omit<BootOptions, 'root' | 'clock' | 'random'>) {
  const { directory: root, images, clock, random } = options;
  const booting = new Set<string>();
  const accelerator = createProbe(shared.binary, clock);
  const isBooting = (ref: RunRef): boolean => booting.has(keyOf(ref));

  const boot = async (spec: RunSpec, control: EffectControl, scope: RunScope): ReturnType<Hypervisor['boot']> => {
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
      return await bootRun(spec, found.image, probed.accelerator, control, { root, clock, random, ...shared });
    } finally {
      booting.delete(keyOf(spec));
    }
  };
  return { boot, isBooting };
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
  const { directory: root, images, clock } = options;
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
  const booter = createBoot(options, { binary: options.binary ?? BINARY, log, emit, keep: watches.keep });
  const scope: RunScope = { root, clock, watches, isBooting: booter.isBooting };
  const watchAdopted = (run: WatchedRun): RunWatch => {
    const watch = watchRun(run, { clock, emit, log, isFresh: false });
    watches.keep(watch);
    return watch;
  };

  const agents = agentsOf(scope, options);
  return {
    agents,
    name: 'qemu',
    snapshots: false,
    checkImage: async (image, memoryBytes) => {
      const found = await images.find(image);
      return 'error' in found ? found.error : memoryError(found.image, memoryBytes);
    },
    inspect: (ref) => describeRun(scope, ref),
    adopt: (ref) => describeRun(scope, ref, watchAdopted),
    boot: (spec, control) => booter.boot(spec, control, scope),
    restore: () => notSupported('restore'),
    pause: (ref, control) => tellGuest(scope, ref, control, 'stop'),
    resume: (ref, control) => tellGuest(scope, ref, control, 'cont'),
    snapshot: () => notSupported('snapshot'),
    dropSnapshot: () => notSupported('snapshot'),
    copySnapshot: () => notSupported('snapshot'),
    forkSnapshot: () => notSupported('snapshot'),
    listSnapshots: async () => [],
    setClock: () => notSupported('setting the clock'),
    shutdown: (ref, control) => shutDownRun(scope, ref, control),
    kill: (ref, control) => killRun(scope, ref, control),
    remove: async (instance) => {
      const alive = await otherLiveRun(scope, { instance, run: -1 }, listRuns(root, instance));
      if (alive !== null) return stillRunning(alive);
      await rm(instanceDirectory(root, instance), { recursive: true, force: true });
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
