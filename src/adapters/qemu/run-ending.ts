import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../actors/contracts/clock.ts';
import type { RunEnd } from '../../actors/contracts/hypervisor.ts';
import {
  hostProcesses,
  isAlive,
  type ProcessIdentity,
  signalProcess,
} from '../../actors/contracts/process-identity.ts';
import { watchDirectory } from './directory-changes.ts';
import { decideEnd, type RunFacts, readStatus, readVerdict, WOKEN_DIRECTORY } from './run-directory.ts';

/** How long after the VMM's end its supervisor may take to record it; it may have been killed itself. */
export const END_RECORD_LIMIT_MS = 2_000;
/** A VMM that was told to end needs a few milliseconds: it is looked at often at first. */
const GONE_FIRST_STEP_MS = 1;
const GONE_FIRST_STEPS = 30;
const GONE_STEP_MS = 5;

/** Waits until the supervisor has recorded the end of a run; false when it has not within the limit. */
export async function endIsRecorded(directory: string, clock: Clock, limitMs: number): Promise<boolean> {
  const deadline = clock.monotonic() + limitMs;
  const changes = watchDirectory(directory, clock);
  try {
    for (;;) {
      if (readStatus(directory) !== null) return true;
      const leftMs = deadline - clock.monotonic();
      if (leftMs <= 0) return false;
      await changes.next(leftMs);
    }
  } finally {
    changes.close();
  }
}

/**
 * How a run ended whose process is gone; waits for the record of a supervisor that may still be writing it.
 * `witnessed` is the reason of a SHUTDOWN event that was seen live.
 */
export async function tellEnd(
  directory: string,
  facts: RunFacts,
  clock: Clock,
  witnessed: string | null = null,
): Promise<RunEnd> {
  const decided = readVerdict(directory);
  if (decided !== null) {
    // Whoever decided it may have died before the memory was gone.
    await forgetMemory(directory, facts);
    return decided;
  }
  const bootId = hostProcesses.bootId();
  if (facts.boot_id === bootId) await endIsRecorded(directory, clock, END_RECORD_LIMIT_MS);
  const [end] = await Promise.all([decideEnd(directory, facts, bootId, witnessed), forgetMemory(directory, facts)]);
  return end;
}

/**
 * Nobody needs the memory of a run that is over. A snapshot that has taken it has a link to it of its own. Where it cannot be
 * removed it takes room until the instance goes; the end of the run is an end all the same.
 */
export async function forgetMemory(directory: string, { memory_file }: RunFacts): Promise<void> {
  if (memory_file === null) return;
  const files = [memory_file, join(WOKEN_DIRECTORY, memory_file)];
  await Promise.all(files.map((name) => rm(join(directory, name), { force: true }).catch(() => undefined)));
}

/** Waits until a process is gone; false when it is still there after the limit. */
export async function isGoneWithin(identity: ProcessIdentity, clock: Clock, limitMs: number): Promise<boolean> {
  const deadline = clock.monotonic() + limitMs;
  for (let step = 1; isAlive(identity); step++) {
    if (clock.monotonic() >= deadline) return false;
    await clock.sleep(step <= GONE_FIRST_STEPS ? GONE_FIRST_STEP_MS : GONE_STEP_MS);
  }
  return true;
}

/** How long the kernel may take to end a killed process. */
export const KILLED_LIMIT_MS = 5_000;

/** Kills a process; false when it is there still after the limit. */
export async function isKilled(identity: ProcessIdentity, clock: Clock): Promise<boolean> {
  signalProcess(identity, 'SIGKILL');
  return isGoneWithin(identity, clock, KILLED_LIMIT_MS);
}
