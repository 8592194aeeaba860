import { chainHash } from '../../src/actors/contracts/chain.ts';
import type { LogEntry } from '../../src/actors/contracts/log.ts';
import { forgetful, type Lie, mapped, twisted } from './lying-log.ts';

/** Lies about what trimming removes and keeps, and about what the log says of itself. */
export const TRIM_LIES: readonly Lie[] = [
  {
    lie: 'says it has trimmed and removes nothing',
    breaks: 'trimming removes the beginning of one stream and changes nothing else',
    make: twisted(() => ({ trim: async ({ version }) => version - 1 })),
  },
  {
    lie: 'removes one entry too many',
    breaks: 'trimming never removes the last entry of a stream',
    make: twisted((honest) => {
      const emptied = new Set<string>();
      return {
        trim: (first) => {
          emptied.add(first.stream);
          return honest.trim(first);
        },
        head: async (stream) => (emptied.has(stream) ? null : honest.head(stream)),
      };
    }),
  },
  {
    lie: 'chains what is left anew',
    breaks: 'what is left of a trimmed stream is chained as before',
    make: twisted((honest) => ({
      read: (stream, from) =>
        mapped(honest.read(stream, from), (entry, at) =>
          at === 0 ? { ...entry, prev_hash: '', hash: chainHash('', entry.bytes) } : entry,
        ),
    })),
  },
  {
    lie: 'says that nothing is missing',
    breaks: 'the extent names an end to what may be missing',
    make: twisted((honest) => ({ extent: async () => ({ ...(await honest.extent()), completeAfter: null }) })),
  },
  {
    lie: 'ends its followers when it trims',
    breaks: 'trimming goes on beside appends and readers, and followers miss nothing that is kept',
    make: twisted((honest) => {
      const trimmed = new AbortController();
      return {
        trim: (first) => {
          trimmed.abort();
          return honest.trim(first);
        },
        subscribe: (after, signal) => honest.subscribe(after, AbortSignal.any([signal, trimmed.signal])),
      };
    }),
  },
  {
    lie: 'counts versions of a trimmed stream from 1 again',
    breaks: 'a long stream that was trimmed reads whole from its first entry',
    make: twisted((honest) => ({
      read: (stream, from) =>
        mapped(honest.read(stream, from), (entry, at) => ({ ...entry, version: (from ?? 1) + at })),
    })),
  },
  {
    lie: 'counts what was removed too',
    breaks: 'usage counts the entries that are there',
    make: twisted((honest) => {
      let removed = 0;
      return {
        trim: async (first) => {
          const now = await honest.trim(first);
          removed += now;
          return now;
        },
        usage: async () => {
          const usage = await honest.usage();
          return { ...usage, entries: usage.entries + removed };
        },
      };
    }),
  },
  {
    lie: 'shows the head as its own landmark',
    breaks: 'a landmark shown beside a head is the newest one, exactly the piece of text it was given as',
    make: twisted((honest) => ({
      heads: () =>
        mapped(
          honest.heads(),
          (entry) => ({ ...entry, landmark: { version: entry.version, text: entry.bytes } }) as LogEntry,
        ),
    })),
  },
  {
    lie: 'forgets what it kept when it is opened again',
    breaks: 'what was trimmed stays trimmed after opening again, and the stream goes on',
    make: forgetful,
  },
];
