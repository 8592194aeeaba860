import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
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

const run = { instance: z.string(), run: z.int() };
const stamp = { seq: z.int(), at: z.number() };

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
    guest: z.object({ ready: z.boolean(), memory: z.string() }),
  }),
  z.object({ ...stamp, type: z.literal('snapshot.dropped'), instance: z.string(), snapshot: z.string() }),
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

/**
 * A journal in a file, one write per line. Lines survive the death of any process; nothing is synced, because the
 * machine that hosts a simulation going down ends the simulation too.
 */
export function fileJournal(path: string): Journal {
  const earlier = existsSync(path) ? parseJournal(readFileSync(path, 'utf8')) : [];
  const fd = openSync(path, 'a+', 0o600);
  if (endsTorn(fd)) writeSync(fd, '\n');
  return {
    earlier,
    write(line) {
      writeSync(fd, `${JSON.stringify(line)}\n`);
    },
    close: () => closeSync(fd),
  };
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
  const { size } = await stat(path);
  if (size > JOURNAL_MAX_BYTES) throw new Error(`the journal ${path} is larger than ${JOURNAL_MAX_BYTES} bytes`);
  return parseJournal(readFileSync(path, 'utf8'));
}
