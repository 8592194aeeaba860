import { type ReceivedMessage, sseMessages } from '../../http/sse-messages.ts';
import { noteDaemonDate } from './browser-clock.ts';
import { signOut, token } from './session.ts';

/** Everything the page asks of the daemon: reads, on its own origin, with the token of the session. */

/** The daemon said no; `code` is one of its own. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Answer<T> {
  readonly body: T;
  /** The newest position that the answer has taken in. */
  readonly position: string;
}

/** Throws Refused, or TypeError when the daemon cannot be reached. */
export async function ask<T>(path: string): Promise<Answer<T>> {
  const response = await send(path, { accept: 'application/json' });
  return { body: (await response.json()) as T, position: response.headers.get('statevisor-position') ?? '' };
}

/** The messages of a stream from after the one with that id on, until it breaks off. */
export async function* stream(
  path: string,
  lastId: string,
  signal: AbortSignal,
): AsyncGenerator<ReceivedMessage, void> {
  const response = await send(path, { accept: 'text/event-stream', 'last-event-id': lastId }, signal);
  if (response.body !== null) yield* sseMessages(response.body);
}

async function send(path: string, headers: Record<string, string>, signal?: AbortSignal): Promise<Response> {
  const sent = token.value;
  const response = await fetch(path, {
    headers: { ...headers, authorization: `Bearer ${sent ?? ''}` },
    cache: 'no-store',
    credentials: 'omit',
    signal,
  });
  noteDaemonDate(response.headers.get('date'));
  if (response.ok) return response;
  const { code, message } = await refusalIn(response);
  // Whoever has signed in anew meanwhile is not signed out by the answer to the token before.
  if (response.status === 401 && token.value === sent) signOut('The daemon does not know this token.');
  throw new Refused(code, message);
}

async function refusalIn(response: Response): Promise<{ code: string; message: string }> {
  try {
    return (await response.json()) as { code: string; message: string };
  } catch {
    return { code: `http_${response.status}`, message: response.statusText };
  }
}
