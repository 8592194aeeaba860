import type { LogEntry, LogExtent, LogUsage } from '../../actors/contracts/log.ts';
import { LogUnavailableError } from '../../actors/contracts/log-error.ts';
import { positionOf, seqOf } from './entries.ts';
import { subjectOf } from './naming.ts';
import type { Ownership } from './ownership.ts';
import { askServer, getEntry, type Reading, readLast } from './reads.ts';
import { noteTrimmedTo, readTrimmedTo } from './stream-setup.ts';

/** Removing the beginnings of streams, and telling what of the log is there. */
export interface Retention {
  readonly trim: (first: Pick<LogEntry, 'stream' | 'version' | 'position'>) => Promise<number>;
  readonly extent: () => Promise<LogExtent>;
  readonly usage: (appendedBytes: number) => Promise<LogUsage>;
}

export async function openRetention(
  reading: Reading,
  ownership: Pick<Ownership, 'certain' | 'confirm'>,
): Promise<Retention> {
  const { manager, names, watch } = reading;
  let trimmedTo = await readTrimmedTo(manager, names);

  /** Whoever no longer owns the log removes nothing from under its successor. */
  const requireOwnership = async (): Promise<void> => {
    if (ownership.certain() || (await ownership.confirm())) return;
    throw new LogUnavailableError('it cannot be told who owns the log');
  };
  const markUpTo = async (seq: number): Promise<void> => {
    if (seq <= trimmedTo) return;
    trimmedTo = await askServer(watch, () => noteTrimmedTo(manager, names, seq));
  };
  return {
    trim: async ({ stream, version, position }) => {
      const seq = seqOf(position);
      const first = await getEntry(reading, { seq });
      if (first?.stream !== stream || first.version !== version) return 0;
      // Before anything is removed: afterwards nobody could tell any more.
      await requireOwnership();
      await markUpTo(seq - 1);
      await requireOwnership();
      const filter = subjectOf(names, stream);
      return (await askServer(watch, () => manager.streams.purge(names.stream, { filter, seq }))).purged;
    },
    extent: async () => ({
      completeAfter: trimmedTo === 0 ? null : positionOf(trimmedTo),
      last: (await readLast(reading))?.position ?? null,
    }),
    usage: async (appendedBytes) => {
      const info = await askServer(watch, () => manager.streams.info(names.stream, { subjects_filter: names.claim }));
      const claims = Object.values(info.state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
      return {
        entries: info.state.messages - claims,
        bytes: info.state.bytes,
        reusable_bytes: 0,
        appended_bytes: appendedBytes,
        disk: null,
      };
    },
  };
}
