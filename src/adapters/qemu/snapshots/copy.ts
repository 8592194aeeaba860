import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CopiedSnapshot, EffectControl, Outcome, SnapshotPlace } from '../../../actors/contracts/hypervisor.ts';
import { isWithdrawn } from '../boot.ts';
import { MEMORY_FILE } from '../command-line.ts';
import type { PresentVmm } from '../present-vmm.ts';
import { copyMemory, copyMemoryToRunOn } from './copy-memory.ts';
import { syncTogether, traitsOf, unlessGivenUp } from './files.ts';
import { MANIFEST_FILE, SNAPSHOT_FILES, type SnapshotManifest, STATE_FILE, writeManifest } from './manifest.ts';
import { failed, failureOf, limited, type SnapshotTools } from './save.ts';
import { isSnapshotName } from './store.ts';

/** Most of it is the disk's. Somewhat less than whoever asks for the copy waits. */
export const COPY_LIMIT_MS = 540_000;

/** Copies a snapshot that is in order. Memory that a paused run still shares with its snapshot is copied as it is. */
export async function copySnapshot(
  { store, clock, present }: SnapshotTools,
  from: SnapshotPlace,
  to: SnapshotPlace & CopiedSnapshot,
  control: EffectControl,
): Promise<Outcome> {
  if (!isSnapshotName(to.snapshot)) return failed('invalid_name', 'a snapshot cannot have this name');
  if (isWithdrawn(control)) return { outcome: 'withdrawn' };
  const time = limited(control, clock, COPY_LIMIT_MS);
  let begun: string | null = null;
  try {
    const verified = await unlessGivenUp(store.verify(from.instance, from.snapshot, time.signal), time.signal);
    if ('error' in verified) return { outcome: 'failed', error: verified.error };
    const { directory, manifest, state } = verified.snapshot;
    const mismatch = to.to_run_on === true ? mismatchWith(await present(), manifest) : null;
    if (mismatch !== null) return failed('snapshot_mismatch', `snapshot ${from.snapshot} is of ${mismatch}`);
    begun = await store.begin(to.instance);
    await writeFile(join(begun, STATE_FILE), state, { mode: 0o600 });
    await (to.to_run_on === true ? copyMemoryToRunOn : copyMemory)(directory, begun, time.signal);
    const traits = await traitsOf(join(begun, MEMORY_FILE));
    if (traits === null) return failed('storage_failed', 'the copied memory is gone');
    const copied = { ...manifest, memory: { ...traits, sha256: manifest.memory.sha256 } };
    await writeFile(join(begun, MANIFEST_FILE), writeManifest(copied), { mode: 0o600 });
    await syncTogether(begun, SNAPSHOT_FILES, time.signal);
    if (isWithdrawn(control)) return { outcome: 'withdrawn' };
    await store.publish(begun, to.instance, to.snapshot);
    return { outcome: 'done', result: null };
  } catch (error) {
    if (control.signal.aborted) return { outcome: 'withdrawn' };
    return time.signal.aborted ? failed('timed_out', 'the copy took too long') : failureOf(error);
  } finally {
    time.release();
    if (begun !== null) await store.abandon(begun);
  }
}

/**
 * Why nothing here could be restored from it, as far as that is known before a VMM is started: the copy would take the place
 * of what the guest sleeps in, and be refused only then.
 */
function mismatchWith(present: PresentVmm, { vmm, accelerator }: SnapshotManifest): string | null {
  if (present.version !== null && present.version !== vmm.version) return `QEMU ${vmm.version}, not ${present.version}`;
  if (present.accelerator === null || present.accelerator === accelerator) return null;
  return `${accelerator}, not ${present.accelerator}`;
}
