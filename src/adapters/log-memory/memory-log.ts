import { createAdvance } from '../../actors/contracts/advance.ts';
import { chainHash } from '../../actors/contracts/chain.ts';
import {
  type AppendResult,
  type Log,
  type LogEntry,
  type Position,
  SERVING,
  type Token,
} from '../../actors/contracts/log.ts';
import { LogUnavailableError } from '../../actors/contracts/log-error.ts';

/** Digits of a position; fixed, so that positions compare as strings. */
const POSITION_DIGITS = 16;

interface Store {
  readonly entries: LogEntry[];
  readonly streams: Map<string, LogEntry[]>;
}

/** Position of the entry at `index` in the whole log. */
function positionAt(index: number): Position {
  return String(index + 1).padStart(POSITION_DIGITS, '0');
}

function appendTo(store: Store, stream: string, prev: Token | null, bytes: string): AppendResult {
  const before = store.streams.get(stream)?.at(-1) ?? null;
  if ((before?.token ?? null) !== prev) return { kind: 'conflict', head: before };
  const position = positionAt(store.entries.length);
  const prevHash = before?.hash ?? '';
  const entry: LogEntry = {
    stream,
    version: (before?.version ?? 0) + 1,
    position,
    token: position as Token,
    bytes,
    prev_hash: prevHash,
    hash: chainHash(prevHash, bytes),
  };
  const entries = store.streams.get(stream);
  if (entries === undefined) store.streams.set(stream, [entry]);
  else entries.push(entry);
  store.entries.push(entry);
  return { kind: 'appended', token: entry.token, position, version: entry.version };
}

/** Index of the first entry after `after`; positions are dense, so it is a matter of counting. */
function indexAfter(after: Position | null): number {
  return after === null ? 0 : Number(after);
}

/**
 * A log that lives as long as the process: for simulations, tests and trying things out. It never runs full and
 * answers without any delay but a turn of the microtask queue.
 */
export function createMemoryLog(): Log {
  const store: Store = { entries: [], streams: new Map() };
  const advance = createAdvance();
  const assertOpen = (): void => {
    if (advance.ended()) throw new LogUnavailableError('the log is closed');
  };
  return {
    survives: 'nothing',
    state: () => SERVING,
    append: (stream, prev, bytes) => {
      if (advance.ended()) {
        return Promise.resolve({ kind: 'refused', reason: 'unavailable', message: 'the log is closed' });
      }
      const result = appendTo(store, stream, prev, bytes);
      if (result.kind === 'appended') advance.advance();
      return Promise.resolve(result);
    },
    async *read(stream, fromVersion = 1) {
      assertOpen();
      yield* (store.streams.get(stream) ?? []).slice(Math.max(0, fromVersion - 1));
    },
    head: async (stream) => {
      assertOpen();
      return store.streams.get(stream)?.at(-1) ?? null;
    },
    async *heads() {
      assertOpen();
      for (const entries of store.streams.values()) yield entries.at(-1)!;
    },
    extent: async () => {
      assertOpen();
      return { completeAfter: null, last: store.entries.at(-1)?.position ?? null };
    },
    async *readAll(after) {
      assertOpen();
      const end = store.entries.length;
      for (let index = indexAfter(after); index < end; index++) yield store.entries[index]!;
    },
    async *subscribe(after, signal) {
      assertOpen();
      for (let index = indexAfter(after); !signal.aborted && !advance.ended(); ) {
        const seen = advance.mark();
        if (index < store.entries.length) yield store.entries[index++]!;
        else await advance.wait(seen, signal);
      }
    },
    close: async () => advance.end(),
  };
}
