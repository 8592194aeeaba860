import { type FSWatcher, watch } from 'node:fs';
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
import { decideEnd, type RunFacts, readStatus, readVerdict, WOKEN_DIRECTORY } from './run-directory.ts';

/** How long after the VMM's end its supervisor may take to record it; it may have been killed itself. */
export const END_RECORD_LIMIT_MS = 2_000;
/** Safety net for file notifications that get lost. */
const NOTIFICATION_FALLBACK_MS = 50;
const GONE_STEP_MS = 5;

function watchQuietly(directory: string, onChange: () => void): FSWatcher | null {
  try {
    const watcher = watch(directory, { persistent: false }, onChange);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    // Without notifications the fallback step is what notices.
    return null;
  }
}

/** Waits until the supervisor has recorded the end of a run; false when it has not within the limit. */
export async function endIsRecorded(directory: string, clock: Clock, limitMs: number): Promise<boolean> {
  const deadline = clock.monotonic() + limitMs;
  let changed = new AbortController();
  const watcher = watchQuietly(directory, () => changed.abort());
  try {
    for (;;) {
      changed = new AbortController();
      if (readStatus(directory) !== null) return true;
      const leftMs = deadline - clock.monotonic();
      if (leftMs <= 0) return false;
      await clock.sleep(Math.min(NOTIFICATION_FALLBACK_MS, leftMs), changed.signal);
    }
  } finally {
    watcher?.close();
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
  if (decided !== null) return decided;
  const bootId = hostProcesses.bootId();
  if (facts.boot_id === bootId) await endIsRecorded(directory, clock, END_RECORD_LIMIT_MS);
  // Nobody needs the memory of a run that is over. A snapshot that has taken it has a link to it of its own.
  if (facts.memory_file !== null) {
    const files = [facts.memory_file, join(WOKEN_DIRECTORY, facts.memory_file)];
    await Promise.all(files.map((name) => rm(join(directory, name), { force: true })));
  }
  return decideEnd(directory, facts, bootId, witnessed);
}

/** Waits until a process is gone; false when it is still there after the limit. */
export async function isGoneWithin(identity: ProcessIdentity, clock: Clock, limitMs: number): Promise<boolean> {
  const deadline = clock.monotonic() + limitMs;
  while (isAlive(identity)) {
    if (clock.monotonic() >= deadline) return false;
    await clock.sleep(GONE_STEP_MS);
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
