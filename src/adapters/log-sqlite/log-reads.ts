import type { Advance } from '../../actors/contracts/advance.ts';
import type { CancelTimer } from '../../actors/contracts/clock.ts';
import type { Log, LogEntry, Position } from '../../actors/contracts/log.ts';
import { LogUnavailableError } from '../../actors/contracts/log-error.ts';
import type { LogStateKeeper } from '../../actors/contracts/log-state.ts';
import { askEntries, readBack, readHeads, readPages, readStream } from './paged-reads.ts';
import type { StoragePort } from './placement.ts';
import { positionOf } from './protocol.ts';

/** What is known here about the storage, without asking it. */
export interface View {
  lastSeq: number;
  /** Every entry after this sequence is there. */
  completeAfter: number;
  appendedBytes: number;
  full: boolean;
  lastRoomCheckMs: number;
  cancelRoomCheck: CancelTimer | null;
  closing: Promise<void> | null;
  /** Why the storage is gone, if it is. */
  gone: string | null;
  readonly mode: LogStateKeeper;
}

export function seqOf(after: Position | null): number {
  return after === null ? 0 : Number(after);
}

export function positionOrNull(seq: number): Position | null {
  return seq === 0 ? null : positionOf(seq);
}

async function* follow(
  port: StoragePort,
  view: View,
  advance: Advance,
  after: Position | null,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  for (let seq = seqOf(after); !signal.aborted && !advance.ended(); ) {
    const seen = advance.mark();
    if (seq >= view.lastSeq) {
      await advance.wait(seen, signal);
      continue;
    }
    for await (const entry of readPages(port, seq, view.lastSeq)) {
      if (signal.aborted) return;
      yield entry;
      seq = Number(entry.position);
    }
  }
  if (view.gone !== null && !signal.aborted) throw new LogUnavailableError(view.gone);
}

type Reads = Pick<Log, 'read' | 'head' | 'heads' | 'extent' | 'readAll' | 'readBackwards' | 'subscribe'>;

/** The reading half of the log. */
export function logReads(port: StoragePort, view: View, advance: Advance, assertOpen: () => void): Reads {
  return {
    async *read(stream, fromVersion = 1, limit = Number.POSITIVE_INFINITY) {
      assertOpen();
      yield* readStream(port, stream, fromVersion, limit);
    },
    head: async (stream) => {
      assertOpen();
      return (await askEntries(port, { kind: 'head', stream })).entries[0] ?? null;
    },
    async *heads(withLandmarks = false) {
      assertOpen();
      yield* readHeads(port, withLandmarks);
    },
    extent: async () => {
      assertOpen();
      return { completeAfter: positionOrNull(view.completeAfter), last: positionOrNull(view.lastSeq) };
    },
    async *readAll(after, limit) {
      assertOpen();
      yield* readPages(port, seqOf(after), view.lastSeq, limit);
    },
    async *readBackwards() {
      assertOpen();
      yield* readBack(port, view.lastSeq);
    },
    async *subscribe(after, signal) {
      assertOpen();
      yield* follow(port, view, advance, after, signal);
    },
  };
}
