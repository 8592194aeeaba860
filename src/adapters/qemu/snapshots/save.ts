import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../actors/contracts/clock.ts';
import type { EffectControl, NewSnapshot, Outcome, RunRef } from '../../../actors/contracts/hypervisor.ts';
import { isWithdrawn } from '../boot.ts';
import { MEMORY_FILE } from '../command-line.ts';
import { COMMAND_LIMIT_MS, queryAgentOpen, queryStatus } from '../monitor.ts';
import type { PresentVmm } from '../present-vmm.ts';
import { type QmpConnection, QmpError } from '../qmp.ts';
import { endOf, PAUSED_STATUSES, type RunScope, settleRun, withMonitor } from '../reality.ts';
import { type RunFacts, readMarks, runDirectory } from '../run-directory.ts';
import { copyMemory } from './copy-memory.ts';
import { isDiskFull, sha256Of, syncTogether, syncUntil, traitsOf, unlessGivenUp } from './files.ts';
import { MANIFEST_FILE, type SnapshotManifest, STATE_FILE, writeManifest } from './manifest.ts';
import { cancelMigration, migrationEnd, prepareMigration, queryVmm } from './migration.ts';
import { MemoryNotWritten, type RunMemories } from './run-memories.ts';
import { receiveState, SAVING_URI, StateUnwritten } from './state-transfer.ts';
import { isSnapshotName, linkMemory, type SnapshotStore } from './store.ts';

/** How long saving may take in all; most of it is the disk's. Somewhat less than whoever asks for it waits. */
export const SAVE_LIMIT_MS = 100_000;

export interface SnapshotTools {
  readonly scope: RunScope;
  readonly clock: Clock;
  readonly store: SnapshotStore;
  readonly memories: RunMemories;
  readonly present: () => Promise<PresentVmm>;
  readonly verifyMemory: boolean;
}

type Failed = Extract<Outcome, { outcome: 'failed' }>;

export function failed(code: string, message: string): Failed {
  return { outcome: 'failed', error: { code, message } };
}

const isTold = (error: unknown): error is StateUnwritten | MemoryNotWritten | QmpError =>
  error instanceof StateUnwritten || error instanceof MemoryNotWritten || error instanceof QmpError;

/** An error of an adapter's own making, for people. */
export function failureOf(error: unknown): Failed {
  if (isTold(error)) return failed(error.code, error.message);
  const message = error instanceof Error ? error.message : String(error);
  if (isDiskFull(error)) return failed('disk_full', message);
  // Only what the system has refused is the disk's; the rest is something that nobody here had reckoned with.
  const isOfSystem = error instanceof Error && 'code' in error;
  return failed(isOfSystem ? 'storage_failed' : 'adapter_failed', message);
}

/** A signal that fires with the effect's withdrawal or when the time is up. */
export function limited(control: EffectControl, clock: Clock, limitMs: number) {
  const over = new AbortController();
  const abort = (): void => over.abort();
  const cancel = clock.after(limitMs, abort);
  control.signal.addEventListener('abort', abort, { once: true });
  if (control.signal.aborted) abort();
  const release = (): void => {
    cancel();
    control.signal.removeEventListener('abort', abort);
  };
  return { signal: over.signal, release };
}

/** Saves a paused guest: state and memory in a directory out of sight, synced, then put into its place by one rename. */
export async function saveRun(
  tools: SnapshotTools,
  ref: RunRef,
  as: NewSnapshot,
  control: EffectControl,
): Promise<Outcome> {
  const { scope, clock, store, memories } = tools;
  const state = await settleRun(scope, ref);
  if (state.state === 'gone') {
    return { ...failed('not_running', `run ${ref.run} has ended`), ended: await endOf(scope, ref, state.facts) };
  }
  if (state.state !== 'alive') return failed('not_running', `run ${ref.run} has no VMM`);
  if (!isSnapshotName(as.snapshot)) return failed('invalid_name', 'a snapshot cannot have this name');
  if (state.facts.memory_file === null) return withoutMemoryFile(ref);
  const directory = runDirectory(scope.root, ref);
  if (memories.isNotWritten(directory)) return failureOf(new MemoryNotWritten());
  if (isWithdrawn(control)) return { outcome: 'withdrawn' };
  const early = as.takes_memory === true ? beginSync(memories, directory) : null;
  const begun = await store.begin(ref.instance).catch((error: unknown) => failureOf(error));
  if (typeof begun !== 'string') return begun;
  const time = limited(control, clock, SAVE_LIMIT_MS);
  /** What went wrong because it was given up says nothing by itself. */
  const toldOf = (failure: Failed): Outcome => {
    if (control.signal.aborted) return { outcome: 'withdrawn' };
    return time.signal.aborted ? failed('timed_out', `the guest was not saved within ${SAVE_LIMIT_MS} ms`) : failure;
  };
  try {
    return await withMonitor(scope, ref, async (monitor) => {
      const [status] = await Promise.all([queryStatus(monitor), prepareMigration(monitor)]);
      if (!PAUSED_STATUSES.includes(status)) {
        return failed('not_paused', 'only a guest that stands still can be saved');
      }
      // It was saved and what it sent could not be kept: QEMU sends no guest twice that has not moved in between.
      if (status === 'postmigrate') return failed('save_failed', 'the guest was saved before, and has to go on first');
      const saving = { tools, ref, facts: state.facts, begun, monitor, signal: time.signal };
      const manifest = await saveInto(saving, early);
      if ('outcome' in manifest) return toldOf(manifest);
      await writeFile(join(begun, MANIFEST_FILE), writeManifest(manifest), { mode: 0o600 });
      await syncTogether(begun, [MANIFEST_FILE], time.signal);
      if (isWithdrawn(control)) return { outcome: 'withdrawn' };
      await store.publish(begun, ref.instance, as.snapshot);
      return { outcome: 'done', result: null };
    });
  } catch (error) {
    return toldOf(failureOf(error));
  } finally {
    time.release();
    await store.abandon(begun);
  }
}

/**
 * Most of a memory is on its way to the disk while its VMM is asked the first things; it is synced for good once it stands still.
 * What comes of this counts all the same: the kernel tells of a failed write once, and whoever syncs later hears of success.
 */
function beginSync(memories: RunMemories, directory: string): Promise<void> {
  const begun = memories.sync(directory);
  // It may fail before anybody waits for it: a rejection without a listener would end the whole process.
  begun.catch(() => undefined);
  return begun;
}

/** A run that an earlier version of this program has started keeps its memory to itself. */
export function withoutMemoryFile(ref: RunRef): Failed {
  const message = `run ${ref.run} was started by an earlier version, with memory that cannot be kept: restart it first`;
  return failed('not_supported', message);
}

interface Saving {
  readonly tools: SnapshotTools;
  readonly ref: RunRef;
  readonly facts: RunFacts;
  readonly begun: string;
  readonly monitor: QmpConnection;
  readonly signal: AbortSignal;
}

/** State and memory, which it takes when a sync of it was begun; answers what is to be written down of them. */
async function saveInto(saving: Saving, early: Promise<void> | null): Promise<SnapshotManifest | Failed> {
  const { tools, ref, facts, begun, monitor, signal } = saving;
  const directory = runDirectory(tools.scope.root, ref);
  const memory = join(begun, MEMORY_FILE);
  // A copy is nobody's but the snapshot's: when it cannot be synced it goes, and the run has lost nothing.
  const syncMemory = (): Promise<void> =>
    early === null ? syncUntil(memory, signal) : unlessGivenUp(tools.memories.sync(directory), signal);
  const keepMemory = async (): Promise<void> => {
    await (early === null ? copyMemory(directory, begun, signal) : linkMemory(directory, begun));
    if (early !== null) await unlessGivenUp(early, signal);
    await syncMemory();
  };
  // Asked while the memory is still being synced, as each question takes its time.
  const sendAndAsk = async () => {
    const state = await sendsState(saving, directory);
    if ('outcome' in state) return state;
    const [agent, vmm] = await Promise.all([queryAgentOpen(monitor), queryVmm(monitor)]);
    return { state, agent, vmm };
  };
  // Both are over when this is: a guest must not be told to go on while its VMM still sends.
  const [sent, memoryKept] = await Promise.all([
    sendAndAsk().catch(failureOf),
    keepMemory().then(() => null, failureOf),
  ]);
  // Of two failures that of the memory: it is the one after which something has to be done.
  if (memoryKept !== null) return memoryKept;
  if ('outcome' in sent) return sent;
  // The memory once more, which takes no time: while it saved, the VMM may have written the last of its devices into it.
  await Promise.all([syncTogether(begun, [STATE_FILE], signal), syncMemory()]);
  const traits = await traitsOf(memory);
  if (traits === null) return failed('storage_failed', 'the memory is gone');
  const sha256 = tools.verifyMemory ? await sha256Of(memory, signal) : null;
  return {
    format: 1,
    instance: ref.instance,
    run: ref.run,
    taken_at: tools.clock.now(),
    vmm: sent.vmm,
    accelerator: facts.accelerator,
    image: facts.image,
    argv: facts.argv,
    shape: facts.shape,
    identity: facts.identity,
    state: sent.state,
    memory: { ...traits, sha256 },
    agent: sent.agent,
    ready: readMarks(directory).ready_at !== null,
  };
}

/** Lets the VMM send the state of its devices into the file. When that fails, the guest is as it was. */
async function sendsState({ tools, begun, monitor, signal }: Saving, directory: string) {
  const path = join(begun, STATE_FILE);
  const begin = () => monitor.execute('migrate', COMMAND_LIMIT_MS, { uri: SAVING_URI });
  // The guest may only go on when the VMM has given up too: until then it would refuse to.
  const giveUp = () => cancelMigration(monitor, tools.clock).catch(() => undefined);
  try {
    const received = await receiveState(directory, path, begin, signal);
    const end = await migrationEnd(monitor, tools.clock, signal);
    if (end.status === 'completed') return received;
    if (end.status === 'aborted') await giveUp();
    return failed('save_failed', end.message || 'the VMM did not finish saving');
  } catch (error) {
    await giveUp();
    return failureOf(error);
  }
}
