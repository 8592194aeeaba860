import { headers } from '@nats-io/transport-node';
import type { LogEntry, LogExtent, LogUsage } from '../../actors/contracts/log.ts';
import { LogUnavailableError } from '../../actors/contracts/log-error.ts';
import { positionOf, seqOf } from './entries.ts';
import { subjectOf } from './naming.ts';
import type { Publisher } from './publisher.ts';
import { askServer, getEntry, type Reading, readLast } from './reads.ts';

/**
 * Removing the beginnings of streams. The server does not tell which sequences are gone, so a mark says up to where
 * they may be; it is stored before anything is removed.
 */
export interface Retention {
  readonly trim: (first: Pick<LogEntry, 'stream' | 'version' | 'position'>) => Promise<number>;
  readonly extent: () => Promise<LogExtent>;
  readonly usage: (appendedBytes: number) => Promise<LogUsage>;
}

export async function openRetention(reading: Reading, publisher: Publisher): Promise<Retention> {
  const { manager, names, watch } = reading;
  const mark = await manager.streams.getMessage(names.stream, { last_by_subj: names.trimmed });
  let trimmedTo = mark === null ? 0 : Number(new TextDecoder().decode(mark.data));

  const markUpTo = async (seq: number): Promise<void> => {
    if (seq <= trimmedTo) return;
    const stored = await publisher.publish(names.trimmed, new TextEncoder().encode(String(seq)), headers());
    if (stored.kind !== 'stored') throw new LogUnavailableError('the log cannot note what is to be removed');
    trimmedTo = seq;
    // Only the newest mark counts.
    await askServer(watch, () => manager.streams.purge(names.stream, { filter: names.trimmed, keep: 1 }));
  };
  return {
    trim: async ({ stream, version, position }) => {
      const seq = seqOf(position);
      const first = await getEntry(reading, { seq });
      if (first?.stream !== stream || first.version !== version) return 0;
      await markUpTo(seq - 1);
      const filter = subjectOf(names, stream);
      return (await askServer(watch, () => manager.streams.purge(names.stream, { filter, seq }))).purged;
    },
    extent: async () => ({
      completeAfter: trimmedTo === 0 ? null : positionOf(trimmedTo),
      last: (await readLast(reading))?.position ?? null,
    }),
    usage: async (appendedBytes) => {
      const info = await askServer(watch, () => manager.streams.info(names.stream, { subjects_filter: names.notes }));
      const notes = Object.values(info.state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
      return {
        entries: info.state.messages - notes,
        bytes: info.state.bytes,
        reusable_bytes: 0,
        appended_bytes: appendedBytes,
        disk: null,
      };
    },
  };
}
