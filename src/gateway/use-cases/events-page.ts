import type { CommandTaker } from '../../actors/supervisor.ts';
import { BEGINNING, type RecordFeed } from '../../projections/feed/record-feed.ts';
import { checked } from '../requests/checked.ts';
import { eventsRequest } from '../requests/records.ts';
import { feedFilter, refusingCursors } from './feed-requests.ts';

/** One page of the records of all instances and of the host, in the order of the log. */
export async function eventsPage(
  { feed, supervisor }: { readonly feed: RecordFeed; readonly supervisor: Pick<CommandTaker, 'resolve'> },
  input: unknown,
): Promise<{ records: unknown[]; next: string; more: boolean }> {
  const request = checked(eventsRequest, input);
  const filter = feedFilter(supervisor, request);
  const page = await refusingCursors(() => feed.page(request.after ?? BEGINNING, request.limit, filter));
  return { ...page, records: page.records.map(({ json }) => JSON.parse(json) as unknown) };
}
