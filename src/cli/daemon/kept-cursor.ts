import { join } from 'node:path';
import type { Log } from '../../actors/contracts/log.ts';
import { type CursorStore, cursorFile, cursorInMemory } from '../../gateway/outbox/cursor-store.ts';
import type { DataDirectory } from '../data-directory.ts';

/** Where the cursor of an outbox is kept. A log that ends with the process has nothing to go on with. */
export function keptCursor(log: Log, directory: DataDirectory, name: string): CursorStore {
  return log.survives === 'nothing' ? cursorInMemory() : cursorFile(join(directory.outbox, `${name}.json`));
}
