import { createHash } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Random } from '../../../actors/contracts/clock.ts';
import type { OperationError, SnapshotErrorCode, SnapshotListing } from '../../../actors/contracts/hypervisor.ts';
import { MEMORY_FILE } from '../command-line.ts';
import { instanceDirectory } from '../run-directory.ts';
import { isCode, isPlain, isThere, sha256Of, sync, traitsOf } from './files.ts';
import { MANIFEST_FILE, readManifest, type SnapshotManifest, STATE_FILE } from './manifest.ts';
import { putAside, putInPlace } from './put-in-place.ts';

/**
 * The snapshots of instances: `DIR/instances/ID/snapshots/NAME/` with `manifest.json`, `state` (devices) and `memory`. Each
 * is made under another name, synced, and appears by one rename. A name that begins with a point is one that is being made
 * or removed; what a daemon that died has left of those is swept before the next is made.
 */

/** Longest state of devices that is read; those of our machines take 1 MiB. */
export const STATE_MAX_BYTES = 64 * 1024 * 1024;
/** A manifest is a few KiB. */
const MANIFEST_MAX_BYTES = 1024 * 1024;
const SNAPSHOT_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** A snapshot whose files are in order; its state has been read, so that what was verified is what is restored. */
export interface SoundSnapshot {
  readonly directory: string;
  readonly manifest: SnapshotManifest;
  readonly state: Buffer;
}

export type Verified = { readonly snapshot: SoundSnapshot } | { readonly error: OperationError };

export interface SnapshotStore {
  directoryOf(instance: string, name: string): string;
  /** A directory to make a snapshot in. */
  begin(instance: string): Promise<string>;
  /** Makes what was begun the snapshot of that name, in place of an earlier one. Its files and their names are synced by then. */
  publish(begun: string, instance: string, name: string): Promise<void>;
  abandon(begun: string): Promise<void>;
  drop(instance: string, name: string): Promise<void>;
  list(instance: string): Promise<readonly SnapshotListing[]>;
  /** Reads and checks everything that can be checked without a VMM. */
  verify(instance: string, name: string, signal: AbortSignal): Promise<Verified>;
  /** Drops the snapshots that share this memory file: their guest goes on with it. */
  dropSharing(instance: string, memory: string): Promise<void>;
}

export const isSnapshotName = (name: string): boolean => SNAPSHOT_NAME.test(name);

const refused = (code: SnapshotErrorCode, message: string): Verified => ({ error: { code, message } });

/** `verifyMemory`: whether the memory is hashed too, where its hash is known. */
export function openSnapshotStore(root: string, random: Random, verifyMemory: boolean): SnapshotStore {
  /** What this process is making or removing now. */
  const active = new Set<string>();
  const placeOf = (instance: string): string => join(instanceDirectory(root, instance), 'snapshots');
  const directoryOf = (instance: string, name: string): string => {
    if (!isSnapshotName(name)) throw new Error(`not the name of a snapshot: ${JSON.stringify(name)}`);
    return join(placeOf(instance), name);
  };

  /** What is out of sight and cannot be removed now is swept before the next is made; nobody has to wait for that. */
  const clear = async (directory: string): Promise<void> => {
    await rm(directory, { recursive: true, force: true }).catch(() => undefined);
    active.delete(directory);
  };
  /** A name out of sight, which is not swept as long as this process works on it. */
  const hidden = (instance: string, why: 'new' | 'old'): string => {
    const path = join(placeOf(instance), `.${why}-${random.hex(8)}`);
    active.add(path);
    return path;
  };
  const orForget =
    (path: string) =>
    (error: unknown): never => {
      active.delete(path);
      throw error;
    };
  const names = async (instance: string): Promise<string[]> =>
    readdir(placeOf(instance)).catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return [];
      throw error;
    });
  const visible = async (instance: string): Promise<string[]> => (await names(instance)).filter(isSnapshotName).sort();

  const sweep = async (instance: string): Promise<void> => {
    for (const name of await names(instance)) {
      const path = join(placeOf(instance), name);
      if (name.startsWith('.') && !active.has(path)) await clear(path);
    }
  };

  const drop = async (instance: string, name: string): Promise<void> => {
    const old = hidden(instance, 'old');
    await putAside(directoryOf(instance, name), old).catch(orForget(old));
    await clear(old);
    await sweep(instance);
  };

  return {
    directoryOf,
    begin: async (instance) => {
      await sweep(instance);
      const begun = hidden(instance, 'new');
      const first = await mkdir(begun, { recursive: true, mode: 0o700 }).catch(orForget(begun));
      // The name of the place itself has to be on the disk once; so has that of an instance which is a copy, and new.
      if (first === undefined || first === begun) return begun;
      const places = [...new Set([dirname(first), instanceDirectory(root, instance)])];
      await Promise.all(places.map((place) => sync(place))).catch(orForget(begun));
      return begun;
    },
    publish: async (begun, instance, name) => {
      const directory = directoryOf(instance, name);
      const old = hidden(instance, 'old');
      await putInPlace(begun, directory, old).catch(orForget(old));
      active.delete(begun);
      await clear(old);
    },
    abandon: clear,
    drop,
    list: async (instance) =>
      Promise.all((await visible(instance)).map((name) => listingOf(directoryOf(instance, name), name))),
    verify: async (instance, name, signal) => {
      if (!isSnapshotName(name)) return refused('snapshot_missing', 'a snapshot cannot have this name');
      return verify(directoryOf(instance, name), name, verifyMemory, signal);
    },
    dropSharing: async (instance, memory) => {
      // What cannot be looked at keeps no guest standing still: once it has gone on, the memory has another time than was saved.
      const live = await stat(memory).catch(() => null);
      if (live === null || live.nlink === 1) return;
      for (const name of await visible(instance)) {
        const kept = await stat(join(directoryOf(instance, name), MEMORY_FILE)).catch(() => null);
        if (kept?.ino === live.ino) await drop(instance, name);
      }
    },
  };
}

/** Gives a file a second name; both are the same file from then on. */
export async function linkMemory(from: string, to: string): Promise<void> {
  await link(join(from, MEMORY_FILE), join(to, MEMORY_FILE));
}

async function manifestIn(directory: string): Promise<SnapshotManifest | 'incomplete' | 'altered' | null> {
  const path = join(directory, MANIFEST_FILE);
  if ((await isPlain(path)) === false || ((await traitsOf(path))?.bytes ?? 0) > MANIFEST_MAX_BYTES) return 'altered';
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  });
  return text === null ? null : readManifest(text);
}

async function listingOf(directory: string, snapshot: string): Promise<SnapshotListing> {
  const manifest = await manifestIn(directory);
  const taken_at = typeof manifest === 'object' && manifest !== null ? manifest.taken_at : null;
  return { snapshot, bytes: await bytesOnDisk(directory), taken_at };
}

/** Blocks, not lengths: memory has holes. */
async function bytesOnDisk(directory: string): Promise<number> {
  const files = await readdir(directory).catch(() => []);
  const found = await Promise.all(files.map((name) => stat(join(directory, name)).catch(() => null)));
  return found.reduce((sum, one) => sum + (one?.blocks ?? 0) * 512, 0);
}

async function verify(
  directory: string,
  name: string,
  isMemoryHashed: boolean,
  signal: AbortSignal,
): Promise<Verified> {
  if (!isThere(directory)) return refused('snapshot_missing', `there is no snapshot ${name}`);
  const manifest = await manifestIn(directory);
  if (manifest === null) return refused('snapshot_incomplete', `snapshot ${name} has no manifest`);
  if (manifest === 'incomplete') return refused('snapshot_incomplete', `the manifest of snapshot ${name} is cut off`);
  if (manifest === 'altered') return refused('snapshot_altered', `the manifest of snapshot ${name} was altered`);

  for (const part of [MEMORY_FILE, STATE_FILE]) {
    if ((await isPlain(join(directory, part))) === false)
      return refused('snapshot_altered', `the ${part} of snapshot ${name} is no file of its own`);
  }
  const memory = await traitsOf(join(directory, MEMORY_FILE));
  if (memory === null) return refused('snapshot_incomplete', `the memory of snapshot ${name} is missing`);
  const state = await traitsOf(join(directory, STATE_FILE));
  if (state === null) return refused('snapshot_incomplete', `the state of snapshot ${name} is missing`);
  if (state.bytes < manifest.state.bytes)
    return refused('snapshot_incomplete', `the state of snapshot ${name} is cut off`);
  if (state.bytes !== manifest.state.bytes || state.bytes > STATE_MAX_BYTES)
    return refused('snapshot_altered', `the state of snapshot ${name} was altered`);
  const bytes = await readFile(join(directory, STATE_FILE), { signal });
  if (createHash('sha256').update(bytes).digest('hex') !== manifest.state.sha256) {
    return refused('snapshot_altered', `the state of snapshot ${name} was altered`);
  }
  const isAsSaved = memory.bytes === manifest.memory.bytes && memory.mtime_ns === manifest.memory.mtime_ns;
  if (!isAsSaved) return refused('memory_altered', `the memory of snapshot ${name} was changed since it was saved`);
  const { sha256 } = manifest.memory;
  if (isMemoryHashed && sha256 !== null && (await sha256Of(join(directory, MEMORY_FILE), signal)) !== sha256) {
    return refused('memory_altered', `the memory of snapshot ${name} is not what was saved`);
  }
  return { snapshot: { directory, manifest, state: bytes } };
}
