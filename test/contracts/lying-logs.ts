import { systemClock } from '../../src/actors/clock.ts';
import { chainHash } from '../../src/actors/contracts/chain.ts';
import type { AppendResult, Log, LogEntry, Token } from '../../src/actors/contracts/log.ts';
import { forgetful, type Lie, mapped, twisted } from './lying-log.ts';
import { MEMORY_LIES } from './lying-memories.ts';
import { TRIM_LIES } from './lying-trims.ts';

/** Every entry it shows is changed in the same way, wherever it is shown. */
function showing(change: (entry: LogEntry) => LogEntry): () => Log {
  return twisted((honest) => ({
    read: (stream, from) => mapped(honest.read(stream, from), change),
    readAll: (after) => mapped(honest.readAll(after), change),
    readBackwards: () => mapped(honest.readBackwards(), change),
    subscribe: (after, signal) => mapped(honest.subscribe(after, signal), change),
    heads: () => mapped(honest.heads(), change),
    head: async (stream) => {
      const entry = await honest.head(stream);
      return entry === null ? null : change(entry);
    },
  }));
}

function answering(change: (result: AppendResult, count: number) => AppendResult): () => Log {
  return twisted((honest) => {
    let count = 0;
    return { append: async (...args) => change(await honest.append(...args), count++) };
  });
}

async function overwrite(honest: Log, stream: string, bytes: string): Promise<AppendResult> {
  const head = await honest.head(stream);
  return honest.append(stream, head?.token ?? null, bytes);
}

const APPEND_LIES: readonly Lie[] = [
  {
    lie: 'skips a version',
    breaks: 'versions of a stream are 1, 2, 3, ... without gaps',
    make: answering((result) =>
      result.kind === 'appended' && result.version > 2 ? { ...result, version: result.version + 1 } : result,
    ),
  },
  {
    lie: 'appends whatever the head is',
    breaks: 'an append whose prev is not the head changes nothing and is told the head',
    make: twisted((honest) => ({ append: (stream, _prev, bytes) => overwrite(honest, stream, bytes) })),
  },
  {
    lie: 'answers conflict and writes all the same',
    breaks: 'an append whose prev is not the head changes nothing and is told the head',
    make: twisted((honest) => ({
      append: async (stream, prev, bytes) => {
        const result = await honest.append(stream, prev, bytes);
        if (result.kind === 'conflict') await overwrite(honest, stream, bytes);
        return result;
      },
    })),
  },
  {
    lie: 'hides the head in a conflict',
    breaks: 'of many appends after the same head exactly one wins',
    make: answering((result) => (result.kind === 'conflict' ? { ...result, head: null } : result)),
  },
  {
    lie: 'fails a whole batch for one conflict',
    breaks: 'a conflict on one stream fails no append to another',
    make: twisted((honest) => {
      let conflicted = false;
      return {
        append: async (...args) => {
          const result = await honest.append(...args);
          conflicted ||= result.kind === 'conflict';
          await systemClock().turn();
          return conflicted ? { kind: 'conflict', head: await honest.head(args[0]) } : result;
        },
      };
    }),
  },
  {
    lie: 'acknowledges the same position twice',
    breaks: 'many streams written at once each keep their own order, and no position is given twice',
    make: answering((result, count) =>
      result.kind === 'appended' && count === 500 ? { ...result, position: '0000000000000001' } : result,
    ),
  },
  {
    lie: 'hashes the bytes alone',
    breaks: 'every entry is linked to the one before it in its stream',
    make: showing((entry) => ({ ...entry, hash: chainHash('', entry.bytes) })),
  },
  {
    lie: 'shows no previous hash',
    breaks: 'every entry is linked to the one before it in its stream',
    make: showing((entry) => ({ ...entry, prev_hash: '' })),
  },
  {
    lie: 'tidies text up',
    breaks: 'any text and any stream name come back exactly',
    make: showing((entry) => ({ ...entry, bytes: entry.bytes.normalize('NFC').trimEnd() })),
  },
  {
    lie: 'takes appends after it was closed',
    breaks: 'close waits for appends under way, may be called again, and refuses what comes after',
    make: twisted(() => ({ close: async () => undefined })),
  },
];

const READ_LIES: readonly Lie[] = [
  {
    lie: 'reads streams from the beginning always',
    breaks: 'a stream is read from any version to its head',
    make: twisted((honest) => ({ read: (stream) => honest.read(stream) })),
  },
  {
    lie: 'acknowledges an entry it does not keep',
    breaks: 'a stream is read from any version to its head',
    make: twisted((honest) => ({
      append: async (stream, prev, bytes) => {
        const kept = bytes !== 'a#6';
        if (kept) return honest.append(stream, prev, bytes);
        return { kind: 'appended', token: 'gone' as Token, position: '0000000000000099', version: 6 };
      },
    })),
  },
  {
    lie: 'leaves a stream out of heads',
    breaks: 'many streams are all listed',
    make: twisted((honest) => ({ heads: () => mapped(honest.heads(), (entry, at) => (at === 5_999 ? null : entry)) })),
  },
  {
    lie: 'repeats the entry it was asked to go on after',
    breaks: 'the whole log reads in the order of its positions, from any of them',
    make: twisted((honest) => ({
      readAll: (after) => honest.readAll(after === null ? null : String(Number(after) - 1).padStart(16, '0')),
    })),
  },
  {
    lie: 'names an end that was passed long ago',
    breaks: 'the extent names the last position and that nothing was removed',
    make: twisted((honest) => ({
      extent: async () => {
        for await (const { position } of honest.readAll(null)) return { completeAfter: null, last: position };
        return honest.extent();
      },
    })),
  },
  {
    lie: 'chases entries made while it reads',
    breaks: 'a read ends at the end that was present when it began',
    make: twisted((honest) => ({
      async *readAll(after) {
        let last = after;
        for (let grew = true; grew; ) {
          grew = false;
          for await (const entry of honest.readAll(last)) {
            last = entry.position;
            grew = true;
            yield entry;
          }
        }
      },
    })),
  },
  {
    lie: 'says it outlives the operating system and forgets everything',
    breaks: 'what was acknowledged is there after opening again, and goes on',
    make: forgetful,
  },
];

const SUBSCRIBE_LIES: readonly Lie[] = [
  {
    lie: 'loses what is written between catching up and going live',
    breaks: 'subscriptions begun in the midst of writing see every entry once and in order',
    make: twisted((honest) => ({
      async *subscribe(after, signal) {
        let last = after;
        for await (const entry of honest.readAll(after)) {
          last = entry.position;
          yield entry;
        }
        await systemClock().turn();
        for await (const entry of honest.readAll(last)) last = entry.position;
        yield* honest.subscribe(last, signal);
      },
    })),
  },
  {
    lie: 'brings an entry twice',
    breaks: 'a subscription brings what was there and then what comes',
    make: twisted((honest) => ({
      async *subscribe(after, signal) {
        for await (const entry of honest.subscribe(after, signal)) {
          yield entry;
          if (entry.version === 10) yield entry;
        }
      },
    })),
  },
  {
    lie: 'ends every subscription with the first one aborted',
    breaks: 'a subscription ends when its signal fires, alone',
    make: twisted((honest) => {
      const first = new AbortController();
      return {
        subscribe: (after, signal) => {
          signal.addEventListener('abort', () => first.abort());
          return honest.subscribe(after, AbortSignal.any([signal, first.signal]));
        },
      };
    }),
  },
  {
    lie: 'starts every subscription at the beginning',
    breaks: 'a subscription goes on after the position it names',
    make: twisted((honest) => ({ subscribe: (_after, signal) => honest.subscribe(null, signal) })),
  },
  {
    lie: 'serves one reader only',
    breaks: 'a reader may stop a subscription at any entry',
    make: twisted((honest) => {
      let served = false;
      return {
        subscribe: (after, signal) => {
          const end = new AbortController();
          if (served) end.abort();
          served = true;
          return honest.subscribe(after, AbortSignal.any([signal, end.signal]));
        },
      };
    }),
  },
  {
    lie: 'forgets its subscriptions when it is closed',
    breaks: 'closing the log ends its subscriptions',
    make: twisted((honest) => ({
      async *subscribe(after, signal) {
        yield* honest.subscribe(after, signal);
        if (!signal.aborted) await new Promise(() => undefined);
      },
    })),
  },
];

export const LIES: readonly Lie[] = [...APPEND_LIES, ...READ_LIES, ...SUBSCRIBE_LIES, ...TRIM_LIES, ...MEMORY_LIES];
