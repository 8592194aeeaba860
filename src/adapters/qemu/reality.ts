import type { Reality, RunEnd, RunRef } from '../../actors/contracts/hypervisor.ts';
import { forgetRun } from './forgotten-runs.ts';
import { parseReadyRule } from './image/manifest.ts';
import { openMonitor, queryStatus } from './monitor.ts';
import type { QmpConnection } from './qmp.ts';
import { type Asker, isReadyNow, readyPlaceOf } from './readiness.ts';
import {
  giveUpRun,
  hasVerdict,
  isAsleepStill,
  listRuns,
  type RunFacts,
  type RunState,
  readLog,
  readMarks,
  readRunState,
  runDirectory,
} from './run-directory.ts';
import { isKilled, tellEnd } from './run-ending.ts';
import type { RunWatch, WatchedRun } from './run-watch.ts';
import { syncSnapshots } from './snapshots/woken.ts';

export interface RunWatches {
  get(ref: RunRef): RunWatch | undefined;
}

/** What the operations on runs share. */
export interface RunScope extends Asker {
  readonly root: string;
  readonly watches: RunWatches;
  /** Whether this process is booting the run right now. */
  readonly isBooting: (ref: RunRef) => boolean;
}

/** Most times a state that changes while it is looked at is looked at again. */
const SETTLE_TRIES_MAX = 5;

/**
 * The state of a run. A run that waits for its start although nobody boots it was left behind by a daemon that died:
 * it is given up, which certainly keeps it from starting. So is a restored one whose guest such a daemon had not let go.
 */
export async function settleRun(scope: RunScope, ref: RunRef): Promise<RunState> {
  const directory = runDirectory(scope.root, ref);
  for (let tries = 0; tries < SETTLE_TRIES_MAX; tries++) {
    const state = readRunState(directory);
    if (state.state === 'none' || scope.isBooting(ref)) return state;
    if (state.state === 'waiting') {
      if (await giveUpRun(directory, state.facts.token)) return { state: 'none' };
    } else {
      if (!isAsleepStill(directory, state.facts)) return state;
      if (state.state === 'alive' && !(await isKilled(state.identity, scope.clock))) return state;
      // A daemon that was giving it back may have died before that was on the disk, where it has to be before this is.
      await syncSnapshots(scope.root, ref.instance);
      await forgetRun(directory, state.facts.token);
      return { state: 'none' };
    }
  }
  return readRunState(directory);
}

/** The newest of an instance's runs, other than `ref`, that may have a VMM now; null when there is none. */
export async function otherLiveRun(scope: RunScope, ref: RunRef, runs: readonly number[]): Promise<number | null> {
  for (const run of runs.toReversed().filter((one) => one !== ref.run)) {
    // An instance may have had thousands of runs: of nearly all of them one look tells that they are over.
    if (hasVerdict(runDirectory(scope.root, { instance: ref.instance, run }))) continue;
    const { state } = await settleRun(scope, { instance: ref.instance, run });
    if (state === 'alive' || state === 'waiting') return run;
  }
  return null;
}

/** How a run ended whose process is gone. When it is watched its end has been observed by then. */
export async function endOf(scope: RunScope, ref: RunRef, facts: RunFacts): Promise<RunEnd> {
  const observed = await scope.watches.get(ref)?.ended;
  return observed ?? tellEnd(runDirectory(scope.root, ref), facts, scope.clock);
}

const noHandlers = { onEvent: () => undefined, onClose: () => undefined };

/**
 * Calls `use` with the monitor of a living run: the watch's connection when it is watched, else one of its own.
 * Rejects with `QmpError` when there is none.
 */
export async function withMonitor<T>(
  scope: RunScope,
  ref: RunRef,
  use: (monitor: QmpConnection) => Promise<T>,
): Promise<T> {
  const watched = scope.watches.get(ref)?.monitor() ?? null;
  if (watched !== null) return use(watched);
  const monitor = await openMonitor(runDirectory(scope.root, ref), scope.clock, noHandlers);
  try {
    return await use(monitor);
  } finally {
    monitor.close();
  }
}

async function isReady(scope: RunScope, run: WatchedRun, monitor: QmpConnection): Promise<boolean> {
  const watch = scope.watches.get(run.ref);
  if (watch !== undefined) return watch.isReady();
  if (readMarks(run.directory).ready_at !== null) return true;
  const rule = parseReadyRule(run.facts.ready) ?? { by: 'immediate' };
  const { directory, facts } = run;
  const { clock, probeAddress } = scope;
  return isReadyNow({ rule, directory, place: readyPlaceOf(facts), clock, probeAddress, monitor });
}

/** QEMU's words for a guest that stands still; the last one after it was saved. */
export const PAUSED_STATUSES: readonly string[] = ['paused', 'finish-migrate', 'postmigrate'];

async function describeAlive(scope: RunScope, run: WatchedRun): Promise<Reality> {
  return withMonitor(scope, run.ref, async (monitor): Promise<Reality> => {
    const status = await queryStatus(monitor);
    // A guest that resets just when it is paused leaves QEMU in the state of one that was never started, and it was.
    const wasReset = status === 'prelaunch' && readMarks(run.directory).ready_at !== null;
    if (wasReset || PAUSED_STATUSES.includes(status)) return { reality: 'paused' };
    if (status === 'prelaunch' || status === 'inmigrate') return { reality: 'starting' };
    if (status !== 'running') return { reality: 'unreachable', message: `QEMU says that the guest is ${status}` };
    return { reality: 'running', ready: await isReady(scope, run, monitor) };
  });
}

/**
 * The present reality of a run. With `adopt`, a living run that is not watched yet is watched from now on, and a
 * reboot that nobody saw is told.
 */
export async function describeRun(
  scope: RunScope,
  ref: RunRef,
  adopt?: (run: WatchedRun) => RunWatch,
): Promise<Reality> {
  const directory = runDirectory(scope.root, ref);
  const state = await settleRun(scope, ref);
  if (state.state === 'none') {
    const other = await otherLiveRun(scope, ref, listRuns(scope.root, ref.instance));
    return other === null ? { reality: 'none' } : { reality: 'other_run', run: other };
  }
  if (state.state === 'waiting' || (state.state === 'alive' && scope.isBooting(ref))) return { reality: 'starting' };
  if (state.state === 'gone') return endedReality(scope, ref, state.facts);

  const run: WatchedRun = { ref, directory, facts: state.facts, identity: state.identity };
  const isNew = adopt !== undefined && scope.watches.get(ref) === undefined;
  const watch = isNew ? adopt(run) : undefined;
  await watch?.attached;
  try {
    const reality = await describeAlive(scope, run);
    return watch?.rebootedBefore && reality.reality === 'running' ? { ...reality, rebooted: true } : reality;
  } catch (error) {
    if (readRunState(directory).state === 'alive') {
      // QEMU greets on its event log when it begins to listen: before that it is no wonder that it does not answer.
      if (readLog(directory, 'events.log', 1) === '') return { reality: 'starting' };
      return { reality: 'unreachable', message: error instanceof Error ? error.message : String(error) };
    }
    return endedReality(scope, ref, state.facts);
  }
}

/** The VMM of a restore that is being undone is gone before its run is: its guest was never let go, and sleeps. */
async function endedReality(scope: RunScope, ref: RunRef, facts: RunFacts): Promise<Reality> {
  if (isAsleepStill(runDirectory(scope.root, ref), facts)) return { reality: 'none' };
  return { reality: 'ended', ...(await endOf(scope, ref, facts)) };
}
