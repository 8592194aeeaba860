import { join } from 'node:path';
import type { Log } from '../../actors/contracts/log.ts';
import { type CursorStore, cursorFile, cursorInMemory } from '../../gateway/outbox/cursor-store.ts';
import type { DataDirectory } from '../data-directory.ts';

/**
 * Where the cursor of an outbox is kept: for each log its own, because a position tells nothing about another one. A log
 * that ends with the process has nothing to go on with.
 */
export function keptCursor(
  { survives }: Pick<Log, 'survives'>,
  { directory, logName }: { readonly directory: DataDirectory; readonly logName: string },
  outbox: string,
): CursorStore {
  return survives === 'nothing' ? cursorInMemory() : cursorFile(join(directory.outbox, logName, `${outbox}.json`));
}
