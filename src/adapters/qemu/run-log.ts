import { existsSync } from 'node:fs';
import type { RunLogCursor, RunLogPiece, RunLogSource } from '../../actors/contracts/hypervisor.ts';
import { wholeCharacters } from '../../actors/contracts/whole-characters.ts';
import { readParts } from './log-parts.ts';
import { parseQmpEvent } from './qmp.ts';

/**
 * The logs of a run for people. The console is one file. What the VMM says of itself lies in two, its events and its
 * own lines, so the cursor of that log names a place in each: `EVENTS.LINES`.
 */
export function readRunLog(
  directory: string,
  source: RunLogSource,
  from: RunLogCursor | null,
  maxBytes: number,
): RunLogPiece {
  const piece = readPiece(directory, source, from, maxBytes);
  // Whoever is past the beginning has read of it, so it was there.
  const wasThere = from?.split('.').some((offset) => offsetOf(offset) > 0);
  return wasThere && !existsSync(directory) ? { ...piece, gap: true } : piece;
}

function readPiece(directory: string, source: RunLogSource, from: RunLogCursor | null, maxBytes: number): RunLogPiece {
  if (source === 'console') return readConsole(directory, from, maxBytes);
  const [events = null, lines = null] = from === null ? [] : from.split('.').map(offsetOf);
  const half = Math.floor(maxBytes / 2);
  const told = readEvents(directory, from === null ? null : (events ?? 0), half);
  const said = readText(directory, 'vmm.log', from === null ? null : (lines ?? 0), half);
  return { text: told.text + said.text, next: `${told.next}.${said.next}`, gap: told.gap || said.gap };
}

interface Stretch {
  readonly text: string;
  readonly next: number;
  readonly gap: boolean;
}

function readConsole(directory: string, from: RunLogCursor | null, maxBytes: number): RunLogPiece {
  const { text, next, gap } = readText(directory, 'console.log', from === null ? null : offsetOf(from), maxBytes);
  return { text, next: String(next), gap };
}

function readText(directory: string, name: string, from: number | null, maxBytes: number): Stretch {
  const { bytes, from: first } = readParts(directory, name, from, maxBytes);
  const { text, length } = wholeCharacters(bytes);
  return { text, next: first + length, gap: from !== null && first > from };
}

/** Whole lines only: each is one event, told shorter than it is stored. */
function readEvents(directory: string, from: number | null, maxBytes: number): Stretch {
  const { bytes, from: first } = readParts(directory, 'events.log', from, maxBytes);
  const end = bytes.lastIndexOf('\n') + 1;
  // A line longer than all that may be read would be waited for in vain.
  const length = end === 0 && bytes.length === maxBytes ? bytes.length : end;
  const lines = bytes.toString('utf8', 0, length).split('\n');
  return {
    text: lines.flatMap(eventLine).join(''),
    next: first + length,
    gap: from !== null && first > from,
  };
}

function eventLine(line: string): string[] {
  const event = parseQmpEvent(line);
  if (event === null) return [];
  const data = Object.keys(event.data).length === 0 ? '' : ` ${JSON.stringify(event.data)}`;
  return [`${new Date(event.at).toISOString()} ${event.name}${data}\n`];
}

/** A cursor that is none reads from the beginning. */
function offsetOf(text: string): number {
  const offset = Number(text);
  return Number.isSafeInteger(offset) && offset >= 0 ? offset : 0;
}
