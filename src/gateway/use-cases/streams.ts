import type { Clock } from '../../actors/contracts/clock.ts';
import { RUN_LOG_BEGINNING } from '../../actors/contracts/hypervisor.ts';
import { StatevisorError } from '../../actors/errors.ts';
import type { CommandTaker } from '../../actors/supervisor.ts';
import {
  ALIVE_EVERY_MS,
  type Cursor,
  type FeedFilter,
  type FeedItem,
  type RecordFeed,
} from '../../projections/feed/record-feed.ts';
import { checked } from '../requests/checked.ts';
import { followEventsRequest, followLogsRequest } from '../requests/records.ts';
import type { Caller } from './contract.ts';
import { cursorRefusal, feedFilter, refusingCursors } from './feed-requests.ts';
import type { LogReader, LogView } from './logs.ts';
import { streamNamed } from './stream-named.ts';
import { requireScope } from './use-cases.ts';

/** What goes on until its reader leaves: the feed of records, and logs that are followed. */

/** Readers of the feed at one time; further ones are refused as `busy`. */
export const EVENT_STREAMS_MAX = 512;
/** Followers of logs at one time. */
export const LOG_FOLLOWERS_MAX = 128;
/** How often a followed log is looked at. */
export const LOG_LOOK_EVERY_MS = 400;
/** Between one run and the next for who has many to catch up on, so that others have their turn. */
const NEXT_RUN_AFTER_MS = 1;

export type LogItem = { readonly kind: 'text'; readonly view: LogView } | { readonly kind: 'alive' };

export interface StreamUseCases {
  /** From the cursor on, or from now on; the first item tells where. Refusals are thrown before the first item. */
  events(input: unknown, caller: Caller): Promise<AsyncGenerator<FeedItem, void>>;
  /** The last lines of a log and then what comes; goes on with the next run, unless one is named. */
  logs(input: unknown, caller: Caller): Promise<AsyncGenerator<LogItem, void>>;
}

export interface StreamOptions {
  readonly supervisor: Pick<CommandTaker, 'resolve'>;
  readonly feed: RecordFeed;
  readonly logs: LogReader;
  readonly clock: Clock;
}

const NEVER = new AbortController().signal;

export function createStreamUseCases({ supervisor, feed, logs, clock }: StreamOptions): StreamUseCases {
  const eventPlaces = createPlaces(EVENT_STREAMS_MAX, 'Too many readers follow the events.');
  const logPlaces = createPlaces(LOG_FOLLOWERS_MAX, 'Too many readers follow logs.');

  return {
    async events(input, caller) {
      requireScope('events', 'read', caller);
      const request = checked(followEventsRequest, input);
      const filter = feedFilter(supervisor, request);
      const after: Cursor = request.after ?? (await feed.end());
      // Asked for here, where a refusal is still an answer of its own and not the end of a stream.
      await refusingCursors(() => feed.check(after));
      const signal = caller.signal ?? NEVER;
      return eventPlaces.occupy(signal, () => followFeed(feed, after, filter, signal));
    },
    async logs(input, caller) {
      requireScope('logs', 'read', caller);
      const { follow, resume, ...request } = checked(followLogsRequest, input);
      const stream = streamNamed(supervisor, request.id);
      const first = await logs.read({ ...request, ...resume });
      if (!follow) return once(first);
      const signal = caller.signal ?? NEVER;
      const about = { ...request, id: stream, isBound: request.run !== undefined };
      return logPlaces.occupy(signal, () => followLog({ logs, clock, signal }, about, first));
    },
  };
}

async function* followFeed(
  feed: RecordFeed,
  after: Cursor,
  filter: FeedFilter,
  signal: AbortSignal,
): AsyncGenerator<FeedItem, void> {
  // A reader that leaves before the first record comes back to the same place.
  yield { kind: 'alive', cursor: after };
  try {
    yield* feed.follow(after, filter, signal);
  } catch (error) {
    throw cursorRefusal(error);
  }
}

async function* once(view: LogView): AsyncGenerator<LogItem, void> {
  yield { kind: 'text', view };
}

interface FollowedLog {
  readonly id: string;
  readonly source: LogView['source'];
  readonly tail: number;
  readonly run?: number;
  /** To one run: ends when that one has. */
  readonly isBound: boolean;
}

/** Looks again and again on our clock: neither console nor records are pushed to anybody here. */
async function* followLog(
  { logs, clock, signal }: { readonly logs: LogReader; readonly clock: Clock; readonly signal: AbortSignal },
  { id, source, tail, run: named, isBound }: FollowedLog,
  first: LogView,
): AsyncGenerator<LogItem, void> {
  yield { kind: 'text', view: first };
  let { run, next } = first;
  const operations = source === 'operations' ? logs.operationsFrom(id, next, named) : null;
  const look = (of: number, after: string): Promise<LogView> =>
    operations === null ? logs.read({ id, source, tail, run: of, after }) : operations();
  // A gap is told once, although every look at the same place finds it.
  let gapAt = first.gap ? next : null;
  for (let told = clock.monotonic(); !signal.aborted; ) {
    // Asked before the look: what a run has said to its end is found by a look that begins after its end.
    const newest = logs.newestRun(id);
    const isOver = logs.isOver(id, run);
    const isGone = newest === null && source !== 'operations';
    const view = isGone ? null : await look(run, next);
    if (view !== null && (view.text !== '' || (view.gap && view.next !== gapAt))) {
      yield { kind: 'text', view };
      gapAt = view.gap ? view.next : null;
      told = clock.monotonic();
    }
    const isQuiet = view === null || view.next === next;
    next = view?.next ?? next;
    if (!isQuiet) continue;
    if (newest === null || (isBound && isOver)) return;
    const hasNext = source !== 'operations' && newest > run;
    if (hasNext) [run, next, gapAt] = [run + 1, RUN_LOG_BEGINNING, null];
    await clock.sleep(hasNext ? NEXT_RUN_AFTER_MS : LOG_LOOK_EVERY_MS, signal);
    if (clock.monotonic() - told < ALIVE_EVERY_MS) continue;
    yield { kind: 'alive' };
    told = clock.monotonic();
  }
}

interface Places {
  /** Throws `busy`. The place is free again when the generator has ended or the signal fires, also before it began. */
  occupy<T>(signal: AbortSignal, make: () => AsyncGenerator<T, void>): AsyncGenerator<T, void>;
}

function createPlaces(most: number, full: string): Places {
  let taken = 0;
  return {
    occupy: (signal, make) => {
      if (taken >= most) throw new StatevisorError('busy', full);
      signal.throwIfAborted();
      taken += 1;
      let isFree = false;
      const free = (): void => {
        if (!isFree) taken -= 1;
        isFree = true;
        signal.removeEventListener('abort', free);
      };
      signal.addEventListener('abort', free);
      return freeing(make(), free);
    },
  };
}

async function* freeing<T>(inner: AsyncGenerator<T, void>, free: () => void): AsyncGenerator<T, void> {
  try {
    yield* inner;
  } finally {
    free();
  }
}
