import type { Clock } from '../../actors/contracts/clock.ts';

export interface Posting {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly limitMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Null when the receiver has taken it (2xx), else why not, in words that hold nothing of the URL. Redirects are not
 * followed: whoever is configured is who hears it. What the answer says beyond its status is not read.
 */
export async function post({ url, headers, body, limitMs, clock, signal }: Posting): Promise<string | null> {
  const late = new AbortController();
  const cancel = clock.after(limitMs, () => late.abort());
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, late.signal]),
    });
    await answer.body?.cancel();
    return answer.ok ? null : `the receiver answered ${answer.status}`;
  } catch (error) {
    return late.signal.aborted ? `the receiver did not answer within ${limitMs} ms` : reasonOf(error);
  } finally {
    cancel();
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined;
  return `the receiver cannot be reached${typeof cause?.code === 'string' ? ` (${cause.code})` : ''}`;
}
