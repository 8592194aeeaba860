import { type FSWatcher, watch } from 'node:fs';
import type { Clock } from '../../actors/contracts/clock.ts';

/** Safety net for file notifications that get lost. */
const NOTIFICATION_FALLBACK_MS = 50;

/** What comes and goes in one directory, for somebody who looks at it again after each change. */
export interface DirectoryChanges {
  /** Resolves soon after a change since the last call, else when a notification may have been lost, at the latest after `limitMs`. */
  next(limitMs: number, signal?: AbortSignal): Promise<void>;
  /** As if something had changed. */
  nudge(): void;
  close(): void;
}

function watchQuietly(directory: string, onChange: () => void): FSWatcher | null {
  try {
    const watcher = watch(directory, { persistent: false }, onChange);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    // Without notifications the fallback step is what notices.
    return null;
  }
}

export function watchDirectory(directory: string, clock: Clock): DirectoryChanges {
  let changed = new AbortController();
  const nudge = (): void => changed.abort();
  const watcher = watchQuietly(directory, nudge);
  return {
    next: async (limitMs, signal) => {
      const over = signal === undefined ? changed.signal : AbortSignal.any([changed.signal, signal]);
      await clock.sleep(Math.min(NOTIFICATION_FALLBACK_MS, limitMs), over);
      changed = new AbortController();
    },
    nudge,
    close: () => watcher?.close(),
  };
}
