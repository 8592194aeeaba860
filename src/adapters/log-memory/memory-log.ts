import { createAdvance } from '../../actors/contracts/advance.ts';
import { chainHash } from '../../actors/contracts/chain.ts';
import {
  type AppendResult,
  type Log,
  type LogEntry,
  type LogHead,
  type Position,
  SERVING,
  type Token,
} from '../../actors/contracts/log.ts';
import { LogUnavailableError } from '../../actors/contracts/log-error.ts';

/** Digits of a position; fixed, so that positions compare as strings. */
const POSITION_DIGITS = 16;

interface Stream {
  /** Never empty. */
  entries: LogEntry[];
  landmark: { readonly entry: LogEntry; readonly text: string } | null;
}

interface Store {
  /** Null where an entry was trimmed: positions stay a matter of counting. */
  readonly entries: (LogEntry | null)[];
  readonly streams: Map<string, Stream>;
  /** Index of the last entry that was trimmed; -1 while none was. */
  lastTrimmed: number;
  trimmed: number;
  /** Characters appended, and of those that are there. */
  appendedChars: number;
  chars: number;
}

/** Position of the entry at `index` in the whole log. */
function positionAt(index: number): Position {
  return String(index + 1).padStart(POSITION_DIGITS, '0');
}

/** Index of the first entry after `after`; positions are dense, so it is a matter of counting. */
function indexAfter(after: Position | null): number {
  return after === null ? 0 : Number(after);
}

function appendTo(
  store: Store,
  stream: string,
  prev: Token | null,
  { bytes, landmark: text }: { bytes: string; landmark: string | undefined },
): AppendResult {
  const before = store.streams.get(stream)?.entries.at(-1) ?? null;
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
  const known = store.streams.get(stream);
  const landmark = text === undefined ? (known?.landmark ?? null) : { entry, text };
  if (known === undefined) store.streams.set(stream, { entries: [entry], landmark });
  else {
    known.entries.push(entry);
    known.landmark = landmark;
  }
  store.entries.push(entry);
  store.appendedChars += bytes.length;
  store.chars += bytes.length;
  return { kind: 'appended', token: entry.token, position, version: entry.version };
}

function trimIn(store: Store, { stream, version, position }: Parameters<Log['trim']>[0]): number {
  const known = store.streams.get(stream);
  const keep = known?.entries.findIndex((entry) => entry.version === version && entry.position === position) ?? -1;
  if (known === undefined || keep < 1) return 0;
  for (const gone of known.entries.slice(0, keep)) {
    const index = indexAfter(gone.position) - 1;
    store.entries[index] = null;
    store.lastTrimmed = Math.max(store.lastTrimmed, index);
    store.chars -= gone.bytes.length;
    if (known.landmark?.entry === gone) known.landmark = null;
  }
  known.entries = known.entries.slice(keep);
  store.trimmed += keep;
  return keep;
}

function headOf({ entries, landmark }: Stream, withLandmark: boolean): LogHead {
  const head = entries.at(-1)!;
  if (!withLandmark || landmark === null || landmark.entry === head) return head;
  return { ...head, landmark: { version: landmark.entry.version, text: landmark.text } };
}

/**
 * A log that lives as long as the process: for simulations, tests and trying things out. It never runs full and
 * answers without any delay but a turn of the microtask queue.
 */
export function createMemoryLog(): Log {
  const store: Store = {
    entries: [],
    streams: new Map(),
    lastTrimmed: -1,
    trimmed: 0,
    appendedChars: 0,
    chars: 0,
  };
  const advance = createAdvance();
  const assertOpen = (): void => {
    if (advance.ended()) throw new LogUnavailableError('the log is closed');
  };
  return {
    survives: 'nothing',
    state: () => SERVING,
    append: (stream, prev, bytes, _room, landmark) => {
      if (advance.ended()) {
        return Promise.resolve({ kind: 'refused', reason: 'unavailable', message: 'the log is closed' });
      }
      const result = appendTo(store, stream, prev, { bytes, landmark });
      if (result.kind === 'appended') advance.advance();
      return Promise.resolve(result);
    },
    async *read(stream, fromVersion = 1) {
      assertOpen();
      yield* (store.streams.get(stream)?.entries ?? []).filter((entry) => entry.version >= fromVersion);
    },
    head: async (stream) => {
      assertOpen();
      return store.streams.get(stream)?.entries.at(-1) ?? null;
    },
    async *heads(withLandmarks = false) {
      assertOpen();
      for (const stream of store.streams.values()) yield headOf(stream, withLandmarks);
    },
    extent: async () => {
      assertOpen();
      const completeAfter = store.lastTrimmed < 0 ? null : positionAt(store.lastTrimmed);
      return { completeAfter, last: store.entries.at(-1)?.position ?? null };
    },
    async *readAll(after) {
      assertOpen();
      const end = store.entries.length;
      for (let index = indexAfter(after); index < end; index++) {
        const entry = store.entries[index]!;
        if (entry !== null) yield entry;
      }
    },
    async *readBackwards() {
      assertOpen();
      for (let index = store.entries.length - 1; index >= 0; index--) {
        const entry = store.entries[index]!;
        if (entry !== null) yield entry;
      }
    },
    async *subscribe(after, signal) {
      assertOpen();
      for (let index = indexAfter(after); !signal.aborted && !advance.ended(); ) {
        const seen = advance.mark();
        if (index >= store.entries.length) {
          await advance.wait(seen, signal);
          continue;
        }
        const entry = store.entries[index++]!;
        if (entry !== null) yield entry;
      }
    },
    trim: async (first) => {
      assertOpen();
      return trimIn(store, first);
    },
    usage: async () => {
      assertOpen();
      const entries = store.entries.length - store.trimmed;
      return { entries, bytes: store.chars, reusable_bytes: 0, appended_bytes: store.appendedChars, disk: null };
    },
    close: async () => advance.end(),
  };
}
