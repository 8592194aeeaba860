import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { operationSchema, runEndSchema } from './wire.ts';

/**
 * The journal: what truly happened to VMMs in the simulated world, and who asked for it. It is evidence for checkers,
 * written by the world before it answers, never by the daemon that is being judged.
 */

/** Largest journal that is read, in bytes. */
const JOURNAL_MAX_BYTES = 512 * 1024 * 1024;
/** Most lines kept in memory; beyond it the world refuses to go on rather than lose evidence. */
const JOURNAL_MAX_LINES = 2_000_000;
/** Lines that wait while the disk is full; beyond it requests are refused rather than evidence lost. */
const WAITING_MAX_LINES = 100_000;

const run = { instance: z.string(), run: z.int() };
const stamp = { seq: z.int(), at: z.number() };

/** What a snapshot holds of its guest. `clock_behind_ms`: how far the guest's clock was behind when it was saved. */
export const savedGuestSchema = z.object({
  ready: z.boolean(),
  memory: z.string(),
  clock_behind_ms: z.number().default(0),
  saved_at: z.number().nullable().default(null),
});
export type SavedGuest = Readonly<z.infer<typeof savedGuestSchema>>;

const journalLineSchema = z.discriminatedUnion('type', [
  z.object({ ...stamp, type: z.literal('world.started'), boot_id: z.string() }),
  z.object({ ...stamp, type: z.literal('world.ended') }),
  z.object({ ...stamp, type: z.literal('host.rebooted'), boot_id: z.string() }),
  z.object({
    ...stamp,
    type: z.literal('vmm.spawned'),
    ...run,
    pid: z.int(),
    boot_id: z.string(),
    effect: z.string(),
    /** The snapshot it was restored from; null for a boot. */
    from: z.string().nullable(),
  }),
  /** A second attempt to start a run whose once-only token was taken. */
  z.object({ ...stamp, type: z.literal('spawn.refused'), ...run, effect: z.string() }),
  z.object({
    ...stamp,
    type: z.literal('vmm.ended'),
    ...run,
    pid: z.int(),
    ...runEndSchema.shape,
    /** An effect id, or `guest`, `outside`, `host`, `world`. */
    by: z.string(),
  }),
  z.object({ ...stamp, type: z.literal('kill.asked'), ...run, effect: z.string() }),
  z.object({ ...stamp, type: z.literal('shutdown.asked'), ...run, effect: z.string() }),
  z.object({ ...stamp, type: z.literal('vmm.paused'), ...run, effect: z.string() }),
  z.object({ ...stamp, type: z.literal('vmm.resumed'), ...run, effect: z.string() }),
  z.object({
    ...stamp,
    type: z.literal('snapshot.written'),
    ...run,
    snapshot: z.string(),
    effect: z.string(),
    guest: savedGuestSchema,
  }),
  /** A copy of a snapshot, of the same instance or of another. */
  z.object({
    ...stamp,
    type: z.literal('snapshot.copied'),
    instance: z.string(),
    snapshot: z.string(),
    from: z.object({ instance: z.string(), snapshot: z.string() }),
    effect: z.string(),
    guest: savedGuestSchema,
  }),
  z.object({ ...stamp, type: z.literal('snapshot.dropped'), instance: z.string(), snapshot: z.string() }),
  z.object({ ...stamp, type: z.literal('clock.set'), ...run, effect: z.string(), drift_ms: z.int() }),
  z.object({ ...stamp, type: z.literal('instance.removed'), instance: z.string() }),
  /** An operation was answered `done` without being done. */
  z.object({ ...stamp, type: z.literal('lie.told'), operation: operationSchema, ...run, effect: z.string() }),
]);
export type JournalLine = z.infer<typeof journalLineSchema>;

type WithoutStamp<L> = L extends JournalLine ? Omit<L, 'seq' | 'at'> : never;
/** A line before the world has numbered and dated it. */
export type JournalEntry = WithoutStamp<JournalLine>;

export interface Journal {
  /** Keeps the line before it returns. */
  write(line: JournalLine): void;
  /** Tries again to put down what could not be because the disk was full. */
  flush(): void;
  /** What was kept before this world began, oldest first. */
  readonly earlier: readonly JournalLine[];
  close(): void;
}

/** A journal in this process's memory: for simulated time and unit tests. `lines` grows as the world goes on. */
export function memoryJournal(): Journal & { readonly lines: readonly JournalLine[] } {
  const lines: JournalLine[] = [];
  return {
    earlier: [],
    lines,
    write(line) {
      if (lines.length >= JOURNAL_MAX_LINES) throw new Error('the journal of the simulated world is full');
      lines.push(line);
    },
    flush() {},
    close() {},
  };
}

/** True when a file that is to be appended to ends in the middle of a line, because its writer was killed there. */
function endsTorn(fd: number): boolean {
  const size = fstatSync(fd).size;
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] !== 0x0a;
}

/** Writes bytes to a file and answers how many it took; throws ENOSPC when the disk is full. */
export type WriteBytes = (fd: number, bytes: Uint8Array) => number;

/** Puts down pieces in order as far as the disk takes them, and takes what it put down out of the list. */
function putDown(fd: number, pieces: Uint8Array[], write: WriteBytes): void {
  while (pieces[0] !== undefined) {
    try {
      const written = write(fd, pieces[0]);
      if (written < pieces[0].length) pieces[0] = pieces[0].subarray(written);
      else pieces.shift();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}

function readEarlier(path: string): JournalLine[] {
  if (!existsSync(path)) return [];
  refuseTooLarge(path, statSync(path).size);
  return parseJournal(readFileSync(path, 'utf8'));
}

/**
 * A journal in a file, one write per line. Lines survive the death of any process; nothing is synced, because the
 * machine that hosts a simulation going down ends the simulation too. While the disk is full lines wait in memory, so
 * that a full disk does not take the VMMs with it: theirs is another machine than the one whose disk is full.
 */
export function fileJournal(path: string, write: WriteBytes = writeSync): Journal {
  const earlier = readEarlier(path);
  const fd = openSync(path, 'a+', 0o600);
  const waiting: Uint8Array[] = endsTorn(fd) ? [Buffer.from('\n')] : [];
  return {
    earlier,
    write(line) {
      if (waiting.length >= WAITING_MAX_LINES) throw new Error('the journal of the simulated world cannot be written');
      waiting.push(Buffer.from(`${JSON.stringify(line)}\n`));
      putDown(fd, waiting, write);
    },
    flush: () => putDown(fd, waiting, write),
    close() {
      putDown(fd, waiting, write);
      closeSync(fd);
    },
  };
}

function refuseTooLarge(path: string, size: number): void {
  if (size > JOURNAL_MAX_BYTES) throw new Error(`the journal ${path} is larger than ${JOURNAL_MAX_BYTES} bytes`);
}

/** The lines of a journal's text. A torn line, where a writer was killed, is left out. */
export function parseJournal(text: string): JournalLine[] {
  const lines: JournalLine[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      continue;
    }
    lines.push(journalLineSchema.parse(value));
  }
  return lines;
}

/** Every line of a journal file so far; empty when there is none. Throws when it is too large to be read whole. */
export async function readJournal(path: string): Promise<readonly JournalLine[]> {
  if (!existsSync(path)) return [];
  refuseTooLarge(path, (await stat(path)).size);
  return parseJournal(readFileSync(path, 'utf8'));
}
