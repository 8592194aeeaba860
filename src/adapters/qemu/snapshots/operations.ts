import { join } from 'node:path';
import type { EffectControl, Hypervisor, Outcome, RunRef } from '../../../actors/contracts/hypervisor.ts';
import { isWithdrawn } from '../boot.ts';
import { tellGuest } from '../operations.ts';
import { settleRun } from '../reality.ts';
import { runDirectory } from '../run-directory.ts';
import { copySnapshot } from './copy.ts';
import { MemoryNotWritten } from './run-memories.ts';
import { failureOf, type SnapshotTools, saveRun, withoutMemoryFile } from './save.ts';
import { isSnapshotName } from './store.ts';

/** What is paused is to be saved; a run that cannot be is not interrupted for it. */
export async function pauseRun(
  { scope, memories }: SnapshotTools,
  ref: RunRef,
  control: EffectControl,
): Promise<Outcome> {
  const state = await settleRun(scope, ref);
  if (state.state === 'alive' && state.facts.memory_file === null) return withoutMemoryFile(ref);
  if (memories.isNotWritten(runDirectory(scope.root, ref))) return failureOf(new MemoryNotWritten());
  return tellGuest(scope, ref, control, 'stop');
}

/** A snapshot that has taken the memory of this run would be of a guest that never was once the run goes on. */
export async function resumeRun(tools: SnapshotTools, ref: RunRef, control: EffectControl): Promise<Outcome> {
  const { scope, store } = tools;
  const state = await settleRun(scope, ref);
  if (state.state === 'alive' && state.facts.memory_file !== null && !isWithdrawn(control)) {
    const memory = join(runDirectory(scope.root, ref), state.facts.memory_file);
    const failure = await store.dropSharing(ref.instance, memory).catch(failureOf);
    if (failure !== undefined) return failure;
  }
  return tellGuest(scope, ref, control, 'cont');
}

type SnapshotOperations = Pick<
  Hypervisor,
  'snapshot' | 'dropSnapshot' | 'copySnapshot' | 'forkSnapshot' | 'listSnapshots'
>;

/** Operations on the store of snapshots. */
export function snapshotOperations(tools: SnapshotTools): SnapshotOperations {
  const { store } = tools;
  return {
    snapshot: (ref, as, control) => saveRun(tools, ref, as, control),
    dropSnapshot: async (instance, { snapshot }) => {
      if (!isSnapshotName(snapshot)) return { outcome: 'done', result: null };
      try {
        await store.drop(instance, snapshot);
        return { outcome: 'done', result: null };
      } catch (error) {
        return failureOf(error);
      }
    },
    copySnapshot: (instance, { snapshot }, as, control) =>
      copySnapshot(tools, { instance, snapshot }, { instance, ...as }, control),
    forkSnapshot: (source, to, control) => copySnapshot(tools, source, { ...to, to_run_on: true }, control),
    listSnapshots: (instance) => store.list(instance),
  };
}
