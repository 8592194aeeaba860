import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DATABASE_FILE } from './database.ts';

/**
 * Whether the files of the log still lie where they were opened. A file that was removed or moved away can be written
 * and synced as before, but the next opening would not find what was written to it: nothing may be acknowledged then.
 */
export function watchPlace(directory: string): () => boolean {
  const path = join(directory, DATABASE_FILE);
  const files = [path, `${path}-wal`].map((file) => ({ file, opened: identityOf(file) }));
  return () =>
    files.every((known) => {
      const present = identityOf(known.file);
      // The write-ahead log is made with the first write.
      known.opened ??= present;
      return present === known.opened;
    });
}

function identityOf(file: string): string | null {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.dev}:${stat.ino}`;
}
