import type { Readable } from 'node:stream';
import { LINE_MAX_CHARACTERS } from './entry-lines.ts';

/** Tells each line of a stream, and when all lines of a part of it have been told. What is longer than a line comes cut. */
export async function eachLine(stream: Readable, line: (text: string) => void, told: () => void): Promise<void> {
  let rest = '';
  for await (const part of stream.setEncoding('utf8')) {
    const lines = (rest + String(part)).split('\n');
    // Kept long enough to be recognised as no line.
    rest = (lines.pop() ?? '').slice(0, LINE_MAX_CHARACTERS + 1);
    for (const text of lines) if (text !== '') line(text);
    told();
  }
  if (rest !== '') line(rest);
  told();
}
