import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';

/** How far a destination has taken the log. */
export interface Cursor {
  /** Of the last record it has; null before the first. */
  readonly position: string | null;
  /** What the destination itself wants to find again beside it. */
  readonly memo: unknown;
}

/** Where a cursor is kept. */
export interface CursorStore {
  /** `damaged`: there is something that is no cursor. Throws when nobody can tell now. */
  read(): Promise<Cursor | 'none' | 'damaged'>;
  /** Resolves once it would survive a loss of power. */
  write(cursor: Cursor): Promise<void>;
}

const cursorSchema = z.object({ position: z.string().nullable(), memo: z.unknown() });
const OWNER_ONLY_DIRECTORY = 0o700;
const OWNER_ONLY_FILE = 0o600;

/** A file of its own: written beside its place, synced, and renamed, so that it is never half there. */
export function cursorFile(path: string): CursorStore {
  return {
    read: async () => {
      try {
        return cursorIn(await readFile(path, 'utf8'));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none';
        throw error;
      }
    },
    write: async (cursor) => {
      await mkdir(dirname(path), { recursive: true, mode: OWNER_ONLY_DIRECTORY });
      const beside = `${path}.new`;
      const file = await open(beside, 'w', OWNER_ONLY_FILE);
      try {
        await file.writeFile(`${JSON.stringify(cursor)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, path);
    },
  };
}

function cursorIn(text: string): Cursor | 'damaged' {
  try {
    const { position, memo } = cursorSchema.parse(JSON.parse(text));
    return { position, memo: memo ?? null };
  } catch {
    return 'damaged';
  }
}

/** For a log that itself ends with the process. */
export function cursorInMemory(): CursorStore {
  let kept: Cursor | 'none' = 'none';
  return {
    read: async () => kept,
    write: async (cursor) => {
      kept = cursor;
    },
  };
}
