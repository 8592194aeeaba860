import { once } from 'node:events';
import { expect, test } from 'vitest';
import { SimulatedClock } from '../../src/actors/clock.ts';
import { pulledStream, STALL_MAX_MS, STREAM_BUFFER_CHARS } from '../../src/gateway/http/pulled-stream.ts';

const CHUNK = 'x'.repeat(1_000);

function source() {
  const seen = { made: 0, isEnded: false };
  async function* chunks(): AsyncGenerator<string, void> {
    try {
      for (;;) {
        seen.made += 1;
        yield CHUNK;
      }
    } finally {
      seen.isEnded = true;
    }
  }
  return { seen, chunks: chunks() };
}

test('a reader that takes nothing has only so much made for it, and is let go after a while', async () => {
  const clock = new SimulatedClock(0);
  const { seen, chunks } = source();
  const stream = pulledStream(chunks, clock);
  stream.read(0);
  await clock.settle();
  const made = seen.made * CHUNK.length;
  expect(made).toBeGreaterThan(0);
  expect(made).toBeLessThan(STREAM_BUFFER_CHARS + 2 * CHUNK.length);
  const closed = once(stream, 'close');
  await clock.advance(STALL_MAX_MS - 1);
  expect(stream.destroyed).toBe(false);
  await clock.advance(STALL_MAX_MS / 2);
  await closed;
  expect(seen.isEnded).toBe(true);
});

test('a reader that goes on taking is never let go, however long it takes', async () => {
  const clock = new SimulatedClock(0);
  const { seen, chunks } = source();
  const stream = pulledStream(chunks, clock);
  for (let n = 0; n < 500; n++) {
    stream.read(CHUNK.length);
    await clock.advance(STALL_MAX_MS / 50);
  }
  expect(stream.destroyed).toBe(false);
  expect(seen.made).toBeGreaterThan(400);
  stream.destroy();
});
