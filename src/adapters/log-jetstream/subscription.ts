import type { Advance } from '../../actors/contracts/advance.ts';
import type { LogEntry, Position } from '../../actors/contracts/log.ts';
import { LogUnavailableError } from '../../actors/contracts/log-error.ts';
import { seqOf } from './entries.ts';
import { allEntries } from './naming.ts';
import { type Consumed, consume, entryIn, type Reading } from './reads.ts';

/**
 * Follows the log for as long as the signal allows, over however many connections: each one is read from the sequence
 * after the last one that was given out, so nothing is left out or told twice.
 */
export async function* follow(reading: Reading, after: Position | null, signal: AbortSignal): AsyncGenerator<LogEntry> {
  const { names, watch } = reading;
  const returned: Advance = watch.returned;
  for (let last = seqOf(after); !signal.aborted; ) {
    const seen = returned.mark();
    const consumed = watch.reachable() ? await begin(reading, last) : null;
    if (consumed === null) {
      await returned.wait(seen, signal);
      continue;
    }
    const { messages } = consumed;
    const stop = (): void => messages.stop();
    const uncut = watch.onCut(stop);
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (signal.aborted) return;
      for await (const message of messages) {
        if (message.seq <= last) continue;
        last = message.seq;
        yield entryIn(names, message);
        if (signal.aborted) return;
      }
    } finally {
      uncut();
      signal.removeEventListener('abort', stop);
      await consumed.end();
    }
  }
}

/** Null when the log was cut off just now. */
async function begin(reading: Reading, last: number): Promise<Consumed | null> {
  try {
    return await consume(reading, { filter_subjects: allEntries(reading.names), opt_start_seq: last + 1 });
  } catch (error) {
    if (!(error instanceof LogUnavailableError)) throw error;
    return null;
  }
}
