import { rm } from 'node:fs/promises';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type {
  EffectControl,
  Hypervisor,
  Observation,
  Outcome,
  RunRef,
  RunSpec,
} from '../../actors/contracts/hypervisor.ts';
import { type ProbedAccelerator, probeAccelerator } from './accelerator.ts';
import { bootRun, isWithdrawn } from './boot.ts';
import type { ImageStore } from './image/store.ts';
import { killRun, shutDownRun, tellGuest } from './operations.ts';
import { describeRun, otherLiveRun, type RunWatches } from './reality.ts';
import { CONSOLE_LOG_PART_BYTES, instanceDirectory, listRuns, readLog, runDirectory } from './run-directory.ts';
import { type RunWatch, watchRun } from './run-watch.ts';

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
const CONSOLE_MAX_BYTES = 2 * CONSOLE_LOG_PART_BYTES;

function notSupported(what: string): Promise<{ outcome: 'failed'; error: { code: string; message: string } }> {
  const message = `${what} is not supported by this hypervisor`;
  return Promise.resolve({ outcome: 'failed', error: { code: 'not_supported', message } });
}

/** The watches of the runs this object observes, by `instance/run`. */
function createWatches(): RunWatches & { readonly keep: (watch: RunWatch) => void; readonly closeAll: () => void } {
  const watches = new Map<string, RunWatch>();
  const key = (ref: RunRef): string => `${ref.instance}/${ref.run}`;
  return {
    get: (ref) => watches.get(key(ref)),
    keep: (watch) => {
      watches.set(key(watch.ref), watch);
      void watch.ended.then(() => watches.delete(key(watch.ref)));
    },
    closeAll: () => {
      for (const watch of watches.values()) watch.close();
      watches.clear();
    },
  };
}

/** QEMU as a hypervisor: each run is a detached QEMU process under a small supervisor, both outliving this process. */
export function createQemuHypervisor(options: QemuOptions): Hypervisor {
  const { directory: root, images, clock } = options;
  const binary = options.binary ?? BINARY;
  const log = options.log ?? (() => undefined);
  const listeners = new Set<(observation: Observation) => void>();
  const watches = createWatches();
  const booting = new Set<string>();
  const scope = { root, clock, watches, isBooting: (ref: RunRef) => booting.has(`${ref.instance}/${ref.run}`) };
  let probe: Promise<ProbedAccelerator> | null = null;

  const emit = (observation: Observation): void => {
    for (const listener of listeners) listener(observation);
  };
  const accelerator = async (): Promise<ProbedAccelerator> => {
    probe ??= probeAccelerator(binary, clock);
    const probed = await probe;
    // Only success is remembered: a missing program may be installed later.
    if ('error' in probed) probe = null;
    return probed;
  };

  const boot = async (spec: RunSpec, control: EffectControl): ReturnType<Hypervisor['boot']> => {
    const found = await images.find(spec.image);
    if ('error' in found) return { outcome: 'failed', error: found.error };
    if (isWithdrawn(control)) return { outcome: 'withdrawn' };
    const probed = await accelerator();
    if ('error' in probed) return { outcome: 'failed', error: probed.error };
    const other = await otherLiveRun(scope, spec, listRuns(root, spec.instance));
    if (other !== null) {
      return { outcome: 'failed', error: { code: 'still_running', message: `run ${other} still has a VMM` } };
    }
    const key = `${spec.instance}/${spec.run}`;
    if (booting.has(key))
      return { outcome: 'unknown', error: { code: 'run_taken', message: 'the run is being booted' } };
    booting.add(key);
    try {
      const bootOptions = { root, binary, clock, random: options.random, log, emit, keep: watches.keep };
      return await bootRun(spec, found.image, probed.accelerator, control, bootOptions);
    } finally {
      booting.delete(key);
    }
  };

  const adopt = async (ref: RunRef): ReturnType<Hypervisor['adopt']> => {
    const described = await describeRun(scope, ref, (run) => {
      const watch = watchRun(run, { clock, emit, log, isFresh: false });
      watches.keep(watch);
      return watch;
    });
    return described;
  };

  const remove = async (instance: string): Promise<Outcome> => {
    const alive = await otherLiveRun(scope, { instance, run: -1 }, listRuns(root, instance));
    if (alive !== null) {
      return { outcome: 'failed', error: { code: 'still_running', message: `run ${alive} still has a VMM` } };
    }
    await rm(instanceDirectory(root, instance), { recursive: true, force: true });
    return { outcome: 'done', result: null };
  };

  return {
    name: 'qemu',
    snapshots: false,
    checkImage: async (image) => {
      const found = await images.find(image);
      return 'error' in found ? found.error : null;
    },
    inspect: (ref) => describeRun(scope, ref),
    boot,
    restore: () => notSupported('restore'),
    pause: (ref, control) => tellGuest(scope, ref, control, 'stop'),
    resume: (ref, control) => tellGuest(scope, ref, control, 'cont'),
    snapshot: () => notSupported('snapshot'),
    dropSnapshot: () => notSupported('snapshot'),
    shutdown: (ref, control) => shutDownRun(scope, ref, control),
    kill: (ref, control) => killRun(scope, ref, control),
    adopt,
    remove,
    console: async (ref, maxBytes) =>
      readLog(runDirectory(root, ref), 'console.log', Math.max(0, Math.min(maxBytes, CONSOLE_MAX_BYTES))),
    observe: (listener) => {
      const own = (observation: Observation): void => listener(observation);
      listeners.add(own);
      return () => listeners.delete(own);
    },
    close: async () => {
      listeners.clear();
      watches.closeAll();
    },
  };
}
