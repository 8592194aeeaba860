import type { ChartContext } from './context.ts';

/**
 * Whether the guest that is being taken up replaces another one, which was booted after this memory was saved: then nobody who
 * spoke to that one speaks to this one, and what the host still knows of those connections is of the past. Of a guest
 * that was taken up from a snapshot itself it cannot be told whose its connections are, so they count.
 */
export function replacesAnother({ put_away, snapshot }: Pick<ChartContext, 'put_away' | 'snapshot'>): boolean {
  if (put_away === null || snapshot === null || put_away.cause === 'restore') return false;
  // The run's number does not tell: one that was refused is used up.
  return put_away.booted_at !== null && snapshot.taken_at < put_away.booted_at;
}
