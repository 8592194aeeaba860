import { Readable } from 'node:stream';
import type { CancelTimer, Clock } from '../../actors/contracts/clock.ts';

/** Characters of one stream that wait for its reader, besides what the socket holds. */
export const STREAM_BUFFER_CHARS = 65_536;
/** A reader that takes nothing for so long is let go; it comes back with its cursor. */
export const STALL_MAX_MS = 120_000;
/** How often it is looked whether the reader takes anything. */
const STALL_LOOK_MS = STALL_MAX_MS / 4;

/** A stream that takes the next chunk when its reader has room for it, so that a slow one fills no memory. */
export function pulledStream(chunks: AsyncGenerator<string, void>, clock: Clock): Readable {
  const stream = Readable.from(watched(), { objectMode: false, highWaterMark: STREAM_BUFFER_CHARS });
  /** When a chunk was offered that has not been taken yet. */
  let offeredAt: number | null = null;
  let cancelLook: CancelTimer = () => {};

  function lookLater(): void {
    cancelLook = clock.after(STALL_LOOK_MS, () => {
      const isStalled = offeredAt !== null && clock.monotonic() - offeredAt >= STALL_MAX_MS;
      if (isStalled) stream.destroy();
      else lookLater();
    });
  }

  async function* watched(): AsyncGenerator<string, void> {
    lookLater();
    try {
      for await (const chunk of chunks) {
        offeredAt = clock.monotonic();
        yield chunk;
        offeredAt = null;
      }
    } finally {
      cancelLook();
    }
  }

  return stream;
}
