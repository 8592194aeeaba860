import type { Socket } from 'node:net';
import { LINE_MAX_BYTES } from './wire.ts';

/** Bytes that may wait for a slow reader before its connection is given up. */
const WAITING_MAX_BYTES = 64 * 1024 * 1024;

/** Writes values as lines of JSON, those of one tick in one piece. */
export interface LineWriter {
  write(value: unknown): void;
  /** Hands everything written so far to the kernel now. */
  flush(): void;
}

export function lineWriter(socket: Socket): LineWriter {
  let waiting: string[] = [];
  const flush = (): void => {
    if (waiting.length === 0) return;
    const text = waiting.join('');
    waiting = [];
    if (socket.destroyed) return;
    socket.write(text);
    if (socket.writableLength > WAITING_MAX_BYTES) socket.destroy(new Error('the other side does not read'));
  };
  return {
    write(value) {
      if (waiting.length === 0) queueMicrotask(flush);
      waiting.push(`${JSON.stringify(value)}\n`);
    },
    flush,
  };
}

/**
 * Calls back with each line of JSON that arrives, parsed. A line that is too long or no JSON ends the connection:
 * nothing after it could be trusted to begin where it seems to.
 */
export function readLines(socket: Socket, onValue: (value: unknown) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    try {
      for (const line of lines) {
        if (socket.destroyed) return;
        if (line.length > LINE_MAX_BYTES) throw new Error('a line is too long');
        onValue(JSON.parse(line));
      }
      if (rest.length > LINE_MAX_BYTES) throw new Error('a line is too long');
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  });
}
