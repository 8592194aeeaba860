/**
 * Tells waiting readers that something was added. Level-triggered: a reader passes the mark it has seen, so an
 * addition between its last read and its wait is never missed.
 */
export interface Advance {
  /** Grows with every addition. */
  readonly mark: () => number;
  /** Something was added: wakes every waiting reader. */
  readonly advance: () => void;
  /** Nothing will be added any more: wakes every waiting reader, and no wait lasts from now on. */
  readonly end: () => void;
  readonly ended: () => boolean;
  /** Resolves once the mark has passed `seen`, the signal fires or the end is declared. */
  readonly wait: (seen: number, signal: AbortSignal) => Promise<void>;
}

export function createAdvance(): Advance {
  let mark = 0;
  let ended = false;
  const waiting = new Set<() => void>();
  const wakeAll = (): void => {
    const wakes = [...waiting];
    waiting.clear();
    for (const wake of wakes) wake();
  };
  return {
    mark: () => mark,
    ended: () => ended,
    advance: () => {
      mark += 1;
      if (waiting.size > 0) wakeAll();
    },
    end: () => {
      ended = true;
      wakeAll();
    },
    wait: (seen, signal) => {
      if (mark > seen || ended || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = (): void => {
          waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    },
  };
}
