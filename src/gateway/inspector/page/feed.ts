import type { InstanceRecord } from '../../../../machines/record.ts';
import { sleep } from './browser-clock.ts';
import { Refused, stream } from './daemon.ts';

/** The records of all instances as they are made, over reconnections and restarts of the daemon: none twice, none left out. */

const EVENTS_PATH = '/v1/events';
/** Pauses before the next attempt: short at first, as a daemon that is restarted is soon back. */
const PAUSE_FIRST_MS = 200;
const PAUSE_MAX_MS = 5_000;

export type Connection = 'connecting' | 'live' | 'lost';

export interface FeedListener {
  /** Takes stock of everything and answers the position up to which that is so. Called first, and when too much was missed. */
  begin(): Promise<string>;
  record(record: InstanceRecord): void;
  connection(state: Connection): void;
}

/** The log has not kept what comes after our cursor, or is another one: there is no going on, only beginning again. */
const BEGIN_AGAIN = new Set(['cursor_too_old', 'cursor_too_new', 'invalid_request']);
/** Nobody gets further by asking again. */
const FOR_GOOD = new Set(['unauthorized', 'forbidden']);

/** Until the signal fires, or the token is refused. */
export async function followFeed(listener: FeedListener, signal: AbortSignal): Promise<void> {
  let cursor: string | null = null;
  for (let pause = PAUSE_FIRST_MS; !signal.aborted; pause = Math.min(2 * pause, PAUSE_MAX_MS)) {
    try {
      cursor ??= await listener.begin();
      const path: string = `${EVENTS_PATH}?after=${cursor || 'beginning'}`;
      for await (const { id, event, data } of stream(path, cursor, signal)) {
        if (signal.aborted) return;
        listener.connection('live');
        pause = PAUSE_FIRST_MS;
        if (event === 'error') throw refusalIn(data);
        if (event === 'end') break;
        cursor = id === '' ? cursor : id;
        if (data !== null) listener.record(JSON.parse(data) as InstanceRecord);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && FOR_GOOD.has(error.code)) return listener.connection('lost');
      if (error instanceof Refused && BEGIN_AGAIN.has(error.code)) cursor = null;
    }
    if (signal.aborted) return;
    listener.connection('lost');
    await sleep(pause);
  }
}

function refusalIn(data: string | null): Refused {
  const { code, message } = JSON.parse(data ?? '{}') as { code?: string; message?: string };
  return new Refused(code ?? 'internal_error', message ?? '');
}
