import type { Clock } from '../../actors/contracts/clock.ts';
import type { Log } from '../../actors/contracts/log.ts';
import type { HostSections } from '../../gateway/host-sections.ts';
import type { UseCaseOptions } from '../../gateway/use-cases/contract.ts';
import { createLogReader } from '../../gateway/use-cases/logs.ts';
import { createStreamUseCases, type StreamUseCases } from '../../gateway/use-cases/streams.ts';
import { createRecordFeed, type RecordFeed } from '../../projections/feed/record-feed.ts';
import type { Closers } from './closers.ts';

/** The feed of records and what can be followed, over a log that is only read here. */
export function openFeed(
  log: Log,
  about: { readonly clock: Clock; readonly closers: Closers; readonly sections: HostSections },
): { readonly feed: RecordFeed; readonly streamsOf: (options: UseCaseOptions) => StreamUseCases } {
  const feed = createRecordFeed(log, about.clock);
  about.sections.add('feed', () => ({ followers: feed.followers() }));
  about.closers.add(async () => feed.close(), 'feed of records');
  return {
    feed,
    streamsOf: (options) => {
      const { supervisor, clock } = options;
      return createStreamUseCases({ supervisor, feed, clock, logs: createLogReader(options) });
    },
  };
}
