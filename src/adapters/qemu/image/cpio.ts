/** An entry of an initial RAM file system. Modes are permission bits; owners are always root. */
export type ArchiveEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode?: number }
  | { readonly type: 'file'; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly type: 'link'; readonly path: string; readonly target: string };

const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';
const ALIGNMENT = 4;
const MODE = { directory: 0o040_000, file: 0o100_000, link: 0o120_000 } as const;

const hex = (value: number): string => value.toString(16).padStart(8, '0');

function padded(bytes: Buffer): Buffer {
  const missing = (ALIGNMENT - (bytes.length % ALIGNMENT)) % ALIGNMENT;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}

function member(index: number, path: string, mode: number, content: Uint8Array): Buffer {
  const name = Buffer.from(`${path}\0`);
  const fields = [index, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.concat([Buffer.from(MAGIC + fields.map(hex).join('')), name]);
  return Buffer.concat([padded(header), padded(Buffer.from(content))]);
}

function contentOf(entry: ArchiveEntry): Uint8Array {
  if (entry.type === 'file') return entry.content;
  return entry.type === 'link' ? Buffer.from(entry.target) : Buffer.alloc(0);
}

function modeOf(entry: ArchiveEntry): number {
  if (entry.type === 'link') return MODE.link | 0o777;
  return MODE[entry.type] | (entry.mode ?? 0o755);
}

/** Packs entries as the "newc" cpio archive the kernel unpacks. All times are zero: equal input, equal bytes. */
export function packArchive(entries: readonly ArchiveEntry[]): Buffer {
  const members = entries.map((entry, index) => member(index + 1, entry.path, modeOf(entry), contentOf(entry)));
  return Buffer.concat([...members, member(0, TRAILER, 0, Buffer.alloc(0))]);
}
