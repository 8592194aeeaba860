import { Readable } from 'node:stream';
import type { Clock } from '../../actors/contracts/clock.ts';

/** Characters of one stream that wait for its reader, besides what the socket holds. */
export const STREAM_BUFFER_CHARS = 65_536;
/** A reader that takes nothing for so long is let go; it comes back with its cursor. */
export const STALL_MAX_MS = 120_000;

/** A stream that takes the next chunk when its reader has room for it, so that a slow one fills no memory. */
export function pulledStream(chunks: AsyncGenerator<string, void>, clock: Clock): Readable {
  const stream = Readable.from(watched(), { objectMode: false, highWaterMark: STREAM_BUFFER_CHARS });

  async function* watched(): AsyncGenerator<string, void> {
    for await (const chunk of chunks) {
      const cancel = clock.after(STALL_MAX_MS, () => stream.destroy());
      try {
        yield chunk;
      } finally {
        cancel();
      }
    }
  }

  return stream;
}
