import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MEMORY_FILE } from '../command-line.ts';
import { identitySchema } from '../run-directory.ts';

/** What is written down of a snapshot, so that no other guest, machine or VMM is ever made of its files. */

export const MANIFEST_FILE = 'manifest.json';
export const STATE_FILE = 'state';
export const SNAPSHOT_FILES = [STATE_FILE, MEMORY_FILE, MANIFEST_FILE];

const MANIFEST_FORMAT = 1;
const sha256Text = z.string().regex(/^[0-9a-f]{64}$/);

const snapshotManifestSchema = z.strictObject({
  format: z.literal(MANIFEST_FORMAT),
  instance: z.string(),
  run: z.int().nonnegative(),
  /** Epoch ms. */
  taken_at: z.number(),
  vmm: z.strictObject({ version: z.string(), machine: z.string() }),
  accelerator: z.string(),
  image: z.string(),
  /** The whole command line, for people; `shape` is the part of it that a restore must have in common. */
  argv: z.array(z.string()),
  shape: z.array(z.string()),
  /** Under which addresses the guest speaks on a network of the host; null when it has none of its own. */
  identity: identitySchema.nullable(),
  state: z.strictObject({ bytes: z.int(), sha256: sha256Text }),
  /** `mtime_ns` as decimal text: it does not fit a number. The hash only where the daemon takes one. */
  memory: z.strictObject({ bytes: z.int(), mtime_ns: z.string(), sha256: sha256Text.nullable() }),
  /** The guest's agent had been heard; the guest had been ready. */
  agent: z.boolean(),
  ready: z.boolean(),
});
export type SnapshotManifest = Readonly<z.infer<typeof snapshotManifestSchema>>;

const sealedSchema = z.strictObject({ manifest: z.unknown(), sha256: sha256Text });

function seal(manifest: unknown): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
}

/** The text of a manifest, with its own hash. */
export function writeManifest(manifest: SnapshotManifest): string {
  return `${JSON.stringify({ manifest, sha256: seal(manifest) }, null, 1)}\n`;
}

/** Reads it back. `incomplete`: cut, or never finished. `altered`: it is not what was written. */
export function readManifest(text: string): SnapshotManifest | 'incomplete' | 'altered' {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'incomplete';
  }
  const sealed = sealedSchema.safeParse(value);
  if (!sealed.success || sealed.data.sha256 !== seal(sealed.data.manifest)) return 'altered';
  const parsed = snapshotManifestSchema.safeParse(sealed.data.manifest);
  return parsed.success ? parsed.data : 'altered';
}
