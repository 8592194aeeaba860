import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A log that is kept in two parts, as the supervisor's `keep` writes it: NAME is being written, NAME.K is the K-th part
 * before it, full. All full parts are of one size, so the offset of any byte since the run's beginning is known
 * although older parts are gone, and a reader goes on where it was whatever was rotated meanwhile.
 */

export interface LogBytes {
  readonly bytes: Buffer;
  /** Offset of the first of them, counted from the first byte that was ever written. */
  readonly from: number;
}

/** A rotation between the look at the names and the opening of the file is seen by the second look. */
const LOOKS_MAX = 5;

/** Bytes from an offset on, at most so many; of what is gone the oldest that is left. `from` null: the last ones. */
export function readParts(directory: string, name: string, from: number | null, maxBytes: number): LogBytes {
  for (let look = 1; ; look++) {
    const full = fullParts(directory, name);
    const older = full === 0 ? null : openPart(join(directory, `${name}.${full}`));
    const newer = openPart(join(directory, name));
    try {
      const moved = fullParts(directory, name) !== full || (full > 0 && older === null);
      if (moved && look < LOOKS_MAX) continue;
      const start = older === null ? 0 : (full - 1) * older.size;
      return readFrom([older, newer], start, from, maxBytes);
    } finally {
      older?.close();
      newer?.close();
    }
  }
}

/** How many parts were filled so far: the highest number there is. */
function fullParts(directory: string, name: string): number {
  try {
    const numbers = readdirSync(directory)
      .filter((file) => file.startsWith(`${name}.`))
      .map((file) => Number(file.slice(name.length + 1)));
    return Math.max(0, ...numbers.filter(Number.isSafeInteger));
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

interface Part {
  readonly size: number;
  read(from: number, length: number): Buffer;
  close(): void;
}

function openPart(path: string): Part | null {
  try {
    const descriptor = openSync(path, 'r');
    return {
      size: fstatSync(descriptor).size,
      read: (from, length) => {
        const bytes = Buffer.alloc(length);
        return bytes.subarray(0, readSync(descriptor, bytes, 0, length, from));
      },
      close: () => closeSync(descriptor),
    };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function readFrom(parts: readonly (Part | null)[], start: number, from: number | null, maxBytes: number): LogBytes {
  const there = parts.filter((part) => part !== null);
  const end = there.reduce((sum, { size }) => sum + size, start);
  const first = from === null ? Math.max(start, end - maxBytes) : Math.max(start, from);
  const pieces: Buffer[] = [];
  let left = Math.max(0, Math.min(maxBytes, end - first));
  let begin = start;
  for (const part of there) {
    const inside = Math.max(0, first - begin);
    const length = Math.min(left, part.size - inside);
    begin += part.size;
    if (length <= 0) continue;
    pieces.push(part.read(inside, length));
    left -= length;
  }
  return { bytes: Buffer.concat(pieces), from: first };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
