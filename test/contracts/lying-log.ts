import type { Log, LogEntry } from '../../src/actors/contracts/log.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';

/** One way of breaking the contract, and the check that has to notice. */
export interface Lie {
  readonly lie: string;
  readonly breaks: string;
  readonly make: () => Log;
  /** The same storage opened again; without it, a new one. */
  readonly reopen?: (log: Log) => Promise<Log>;
}

export async function* mapped(
  entries: AsyncIterable<LogEntry>,
  change: (entry: LogEntry, index: number) => LogEntry | null,
): AsyncGenerator<LogEntry> {
  let index = 0;
  for await (const entry of entries) {
    const changed = change(entry, index++);
    if (changed !== null) yield changed;
  }
}

/** An honest log, except for what `change` overrides. */
export function twisted(change: (honest: Log) => Partial<Log>): () => Log {
  return () => {
    const honest = createMemoryLog();
    return { ...honest, ...change(honest) };
  };
}

/** Promises to keep what it acknowledged, and keeps nothing when it is opened again. */
export function forgetful(): Log {
  const honest = createMemoryLog();
  return { ...honest, survives: 'os' };
}
