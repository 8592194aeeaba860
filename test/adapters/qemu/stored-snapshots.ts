import { createHash } from 'node:crypto';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SnapshotManifest, writeManifest } from '../../../src/adapters/qemu/snapshots/manifest.ts';
import type { SnapshotStore } from '../../../src/adapters/qemu/snapshots/store.ts';

/** Snapshots as files, made without a VMM. */

export const NAME = 'run-1';
export const STATE = Buffer.from('what the devices were');
export const MEMORY = 'what the guest had in mind';
export const never = new AbortController().signal;
const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

function manifestOf(memory: string): SnapshotManifest {
  const { size, mtimeNs } = statSync(memory, { bigint: true });
  return {
    format: 1,
    instance: 'web',
    run: 1,
    taken_at: 1_000,
    vmm: { version: '7.2.0', machine: 'microvm' },
    accelerator: 'tcg',
    image: 'demo',
    argv: [],
    shape: ['-machine', 'microvm'],
    identity: null,
    state: { bytes: STATE.length, sha256: sha256(STATE) },
    memory: { bytes: Number(size), mtime_ns: String(mtimeNs), sha256: sha256(MEMORY) },
    agent: true,
    ready: true,
  };
}

/** Writes all of a snapshot but its name. */
export async function write(store: SnapshotStore, instance = 'web'): Promise<string> {
  const begun = await store.begin(instance);
  writeFileSync(join(begun, 'state'), STATE);
  writeFileSync(join(begun, 'memory'), MEMORY);
  writeFileSync(join(begun, 'manifest.json'), writeManifest(manifestOf(join(begun, 'memory'))));
  return begun;
}

export async function saved(store: SnapshotStore, name = NAME, instance = 'web'): Promise<string> {
  await store.publish(await write(store, instance), instance, name);
  return store.directoryOf(instance, name);
}

export async function refusalOf(store: SnapshotStore, name = NAME): Promise<string> {
  const verified = await store.verify('web', name, never);
  return 'error' in verified ? verified.error.code : 'in order';
}
