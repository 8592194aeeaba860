import { systemClock } from '../actors/clock.ts';
import type { ReceivedMessage } from '../gateway/http/sse-messages.ts';
import { CliError, type Client } from './client.ts';

/** Follows a stream of the daemon for as long as it lasts, over its restarts: whoever reconnects says how far it has come. */

/** Pauses before the next attempt: short at first, as a daemon that is restarted is soon back. */
const PAUSE_FIRST_MS = 200;
const PAUSE_MAX_MS = 5_000;

const clock = systemClock();

export interface Followed {
  readonly id: string;
  readonly data: string;
}

/**
 * Every message with data, none twice. Ends when the daemon ends the stream with the request done (a run that is over);
 * refusals are thrown. `note` hears that the daemon is gone and that it is back.
 */
export async function* follow(
  client: Client,
  path: string,
  note: (text: string) => void,
): AsyncGenerator<Followed, void> {
  let id = '';
  let isLost = false;
  for (let pause = PAUSE_FIRST_MS; ; pause = Math.min(2 * pause, PAUSE_MAX_MS)) {
    try {
      for await (const message of client.stream(path, id)) {
        if (isLost) note('The daemon is back.');
        isLost = false;
        pause = PAUSE_FIRST_MS;
        if (message.event === 'error') throw refusalIn(message);
        id = message.id;
        if (message.data !== null) yield { id, data: message.data };
      }
      return;
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (!isLost) note('The daemon does not answer; waiting for it.');
      isLost = true;
      await clock.sleep(pause);
    }
  }
}

function refusalIn({ data }: ReceivedMessage): CliError {
  const { code, message } = JSON.parse(data ?? '{}') as { code?: string; message?: string };
  return new CliError(code ?? 'internal_error', message ?? 'The stream failed.');
}

const PASSING = ['unreachable', 'stream_lost', 'no_daemon', 'shutting_down', 'log_unavailable', 'busy'];

function isPassing(error: unknown): boolean {
  return error instanceof CliError && PASSING.includes(error.code);
}
