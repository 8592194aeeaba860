import type { LogEntry, LogExtent, LogUsage } from '../../actors/contracts/log.ts';
import { positionOf, seqOf } from './entries.ts';
import { subjectOf } from './naming.ts';
import { askServer, getEntry, type Reading, readLast } from './reads.ts';
import { noteTrimmedTo, readTrimmedTo } from './stream-setup.ts';

/** Removing the beginnings of streams, and telling what of the log is there. */
export interface Retention {
  readonly trim: (first: Pick<LogEntry, 'stream' | 'version' | 'position'>) => Promise<number>;
  readonly extent: () => Promise<LogExtent>;
  readonly usage: (appendedBytes: number) => Promise<LogUsage>;
}

export async function openRetention(reading: Reading): Promise<Retention> {
  const { manager, names, watch } = reading;
  let trimmedTo = await readTrimmedTo(manager, names);

  const markUpTo = async (seq: number): Promise<void> => {
    if (seq <= trimmedTo) return;
    await askServer(watch, () => noteTrimmedTo(manager, names, seq));
    trimmedTo = seq;
  };
  return {
    trim: async ({ stream, version, position }) => {
      const seq = seqOf(position);
      const first = await getEntry(reading, { seq });
      if (first?.stream !== stream || first.version !== version) return 0;
      // Before anything is removed: afterwards nobody could tell any more.
      await markUpTo(seq - 1);
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
