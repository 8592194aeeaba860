import {
  closeSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { SnapshotErrorCode } from '../../../src/actors/contracts/hypervisor.ts';
import { readManifest, type SnapshotManifest, writeManifest } from '../../../src/adapters/qemu/snapshots/manifest.ts';

/** Writes another manifest, with a hash of its own: as another version of the program, or of QEMU, would have. */
export function changeManifest(directory: string, change: (manifest: SnapshotManifest) => SnapshotManifest): void {
  const path = join(directory, 'manifest.json');
  const manifest = readManifest(readFileSync(path, 'utf8'));
  if (typeof manifest === 'string') throw new Error(`the manifest is ${manifest}`);
  writeFileSync(path, writeManifest(change(manifest)));
}

/** Changes one byte of a file; done again, it is as it was. */
export function flipByte(path: string, at: number): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte.writeUInt8(byte.readUInt8() ^ 0xff);
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}

/** Does to the files of a snapshot what it has to be refused for. */
export async function damageSnapshot(directory: string, code: SnapshotErrorCode): Promise<void> {
  const [state, memory] = [join(directory, 'state'), join(directory, 'memory')];
  switch (code) {
    case 'snapshot_missing':
      return rmSync(directory, { recursive: true });
    case 'snapshot_incomplete':
      return truncateSync(state, Math.floor(statSync(state).size / 2));
    case 'snapshot_altered': {
      const bytes = readFileSync(state);
      bytes.writeUInt8(bytes.readUInt8(1_000) ^ 1, 1_000);
      return writeFileSync(state, bytes);
    }
    case 'snapshot_mismatch':
      return changeManifest(directory, (manifest) => ({ ...manifest, vmm: { ...manifest.vmm, version: '6.2.0' } }));
    case 'memory_altered': {
      const { atime, mtime } = statSync(memory);
      return utimesSync(memory, atime, new Date(mtime.getTime() + 1_000));
    }
  }
}
