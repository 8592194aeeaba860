import type { AppendResult, Log, LogEntry } from '../../src/actors/contracts/log.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { forgetful, type Lie, twisted } from './lying-log.ts';

/** Logs that remember wrongly: what they were told before, what they are, and what they held when they were opened. */

/** What another log holds, but for the entries that are left out. */
async function copied(log: Log, kept: (entry: LogEntry) => boolean, survives: Log['survives']): Promise<Log> {
  const copy = createMemoryLog();
  for await (const { stream, bytes, ...entry } of log.readAll(null)) {
    if (!kept({ stream, bytes, ...entry })) continue;
    await copy.append(stream, (await copy.head(stream))?.token ?? null, bytes);
  }
  return { ...copy, survives };
}

export const MEMORY_LIES: readonly Lie[] = [
  {
    lie: 'takes an equal text for the entry it knows already',
    breaks: 'the same text appended again is another entry, or a conflict when its prev has been followed',
    make: twisted((honest) => {
      const known = new Map<string, AppendResult>();
      return {
        append: async (stream, prev, bytes) => {
          const result = known.get(`${stream} ${bytes}`) ?? (await honest.append(stream, prev, bytes));
          if (result.kind === 'appended') known.set(`${stream} ${bytes}`, result);
          return result;
        },
      };
    }),
  },
  {
    lie: 'answers appended to a repetition of what was followed',
    breaks: 'the same text appended again is another entry, or a conflict when its prev has been followed',
    make: twisted((honest) => ({
      append: async (stream, prev, bytes) => {
        const result = await honest.append(stream, prev, bytes);
        const { head } = result.kind === 'conflict' ? result : { head: null };
        return head?.bytes === bytes ? { ...head, kind: 'appended' } : result;
      },
    })),
  },
  {
    lie: 'says that it cannot be reached while it takes appends',
    breaks: 'a log that takes appends says that it serves',
    make: twisted(() => ({
      state: () => ({ mode: 'log_unreachable', reachable: false, since: 0, message: 'not so' }),
    })),
  },
  {
    lie: 'loses the last acknowledged entry of a stream when it is opened again',
    breaks: 'what was acknowledged is there after opening again, and goes on',
    make: forgetful,
    reopen: (log) => copied(log, ({ bytes }) => bytes !== 's7#7', 'os'),
  },
  {
    lie: 'gives positions again that it gave before it was opened again',
    breaks: 'what was acknowledged is there after opening again, and goes on',
    make: forgetful,
    reopen: async (log) => {
      const copy = await copied(log, () => true, 'os');
      const first = (await copy.extent()).last ?? '';
      return {
        ...copy,
        append: async (...args) => {
          const result = await copy.append(...args);
          return result.kind === 'appended' ? { ...result, position: first } : result;
        },
      };
    },
  },
];
