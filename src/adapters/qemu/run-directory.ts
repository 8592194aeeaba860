import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { RunEnd, RunRef } from '../../actors/contracts/hypervisor.ts';
import { isAlive, type ProcessIdentity, parseIdentity } from '../../actors/contracts/process-identity.ts';
import { forgetRun, sweepForgottenRuns } from './forgotten-runs.ts';
import { readParts } from './log-parts.ts';
import { composeEnd } from './run-end.ts';
import { type RunJournal, readJournal } from './run-journal.ts';
import { makeTicket, ticketState, withdrawTicket } from './run-ticket.ts';
import { isCode, isThere, sync } from './snapshots/files.ts';

/**
 * The directory of one run, `DIR/instances/ID/runs/N/`. It appears complete, by one rename that fails when the run is
 * already there: that is the once-only token of the run. Files in it:
 *
 * - `spec.json` (`RunFacts`): what is started. Never changes.
 * - `ticket-TOKEN.d/` (run-ticket.ts): used by the supervisor right before it becomes the VMM, or taken away by a daemon that
 *   gives the run up; exactly one of them wins.
 * - `process-TOKEN`: identity of the VMM, written before the ticket is used.
 * - `events.log` (monitor), `console.log` (guest), `vmm.log` (QEMU's own lines), each with a full part before it
 *   (log-parts.ts), and `exit.code`: written by the supervisor's readers.
 * - `end`: exit status of the VMM, written by the supervisor.
 * - `marks.json`: what this daemon or a former one has observed.
 * - `memory`: the memory of the guest, shared with the VMM; removed once the run has ended. `memory-not-written`: run-memories.ts.
 * - `woken/`: the snapshot a restored run has consumed. It is moved here right before the guest is let go, by one rename, so
 *   a restored run without it never was: its VMM is ended, and the snapshot is where it was.
 * - `verdict.json`: how the run ended, decided once, so that it is told the same for ever.
 */
export const WOKEN_DIRECTORY = 'woken';
export const LOOPBACK = '127.0.0.1';

/** Under which addresses a guest speaks on a network of the host. */
export const identitySchema = z.strictObject({
  mac: z.string(),
  address: z.string(),
  prefix: z.int(),
  gateway: z.string(),
  address6: z.string().nullable(),
  prefix6: z.int().nullable(),
  gateway6: z.string().nullable(),
});
export type GuestIdentity = Readonly<z.infer<typeof identitySchema>>;

export const runFactsSchema = z.object({
  token: z.string(),
  boot_id: z.string(),
  accelerator: z.string(),
  image: z.string(),
  ready: z.string(),
  /** Where a `port:N` rule is asked: a forwarded port of this host, or the guest's own; null for the other rules. */
  ready_host: z.string().default(LOOPBACK),
  ready_host_port: z.number().nullable(),
  argv: z.array(z.string()),
  /** The file in this directory that is the guest's memory; null: an earlier version started it, with memory of its own. */
  memory_file: z.string().nullable().default(null),
  /** Which machine it is, and who it is on the network of the host: both must be so, or be made so, when it is restored. */
  shape: z.array(z.string()).default([]),
  identity: identitySchema.nullable().default(null),
  /** The snapshot it is restored from; null for a boot. */
  restored_from: z.string().nullable().default(null),
});
export type RunFacts = z.infer<typeof runFactsSchema>;

const marksSchema = z.object({ ready_at: z.number().nullable(), reboots_seen_until: z.number().nullable() });
export type RunMarks = z.infer<typeof marksSchema>;

const verdictSchema = z.object({
  reason: z.enum(['power_off', 'reset', 'panic', 'killed', 'crashed', 'quit', 'host_reboot', 'unknown']),
  code: z.number().nullable(),
  message: z.string().nullable(),
  ended_at: z.number().nullable(),
});

export type RunState =
  | { readonly state: 'none' }
  | { readonly state: 'waiting'; readonly facts: RunFacts }
  | { readonly state: 'alive'; readonly facts: RunFacts; readonly identity: ProcessIdentity }
  | { readonly state: 'gone'; readonly facts: RunFacts };

/** Bytes of one part of a log; a log keeps at most two parts. */
export const EVENT_LOG_PART_BYTES = 65_536;
/** The console keeps its last 512 KiB to 1 MiB. */
export const CONSOLE_LOG_PART_BYTES = 524_288;
const SMALL_FILE_MAX_BYTES = 65_536;
const LAST_WORDS_MAX_CHARACTERS = 500;
const INSTANCE_ID = /^[0-9a-z]{1,64}$/;

/** Directory of an instance. Throws on an id that is not lower-case letters and digits, so that no id leaves `root`. */
export function instanceDirectory(root: string, instance: string): string {
  if (!INSTANCE_ID.test(instance)) throw new Error(`not an instance id: ${JSON.stringify(instance)}`);
  return join(root, 'instances', instance);
}

/** Directory of a run. */
export function runDirectory(root: string, ref: RunRef): string {
  if (!Number.isSafeInteger(ref.run) || ref.run < 0) throw new Error(`not a run number: ${ref.run}`);
  return join(instanceDirectory(root, ref.instance), 'runs', String(ref.run));
}

const isMissing = (error: unknown): boolean => isCode(error, 'ENOENT', 'ENOTDIR');

/** The last `maxBytes` of a file as text; null when it does not exist. */
export function readTail(path: string, maxBytes: number = SMALL_FILE_MAX_BYTES): string | null {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const size = statSync(path).size;
      const bytes = Buffer.alloc(Math.min(size, maxBytes));
      const read = readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
      return bytes.toString('utf8', 0, read);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
    return null;
  }
}

function readJson<T>(path: string, schema: z.ZodType<T>): T | null {
  try {
    const parsed = schema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Numbers of the runs of an instance that have a directory, ascending. */
export function listRuns(root: string, instance: string): number[] {
  try {
    const names = readdirSync(join(instanceDirectory(root, instance), 'runs'));
    return names
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/**
 * Takes a run exclusively: its directory appears complete, with its ticket. False when the run was taken before. What is
 * started is on the disk only after `keepFacts`.
 */
export async function takeRun(directory: string, facts: RunFacts): Promise<boolean> {
  await sweepForgottenRuns(dirname(directory));
  const prepared = join(dirname(directory), `.${facts.token}`);
  await mkdir(prepared, { recursive: true, mode: 0o700 });
  await makeTicket(prepared, facts.token);
  await writeFile(join(prepared, 'spec.json'), JSON.stringify(facts));
  try {
    if (isThere(directory) && neverWas(directory)) await forgetRun(directory, facts.token);
    await rename(prepared, directory);
    return true;
  } catch (error) {
    await rm(prepared, { recursive: true, force: true });
    if (isCode(error, 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}

/**
 * Whether a run in its place was given up by a daemon that died before it was out of sight, or is one of which the host, when
 * it went down, had not kept what it was. The number is used again, so the place has to be free.
 */
function neverWas(directory: string): boolean {
  const facts = readJson(join(directory, 'spec.json'), runFactsSchema);
  if (facts !== null) return ticketState(directory, facts.token) === 'none';
  const processes = readdirSync(directory).filter((name) => name.startsWith('process-'));
  const identities = processes.flatMap((name) => parseIdentity(readTail(join(directory, name)) ?? '') ?? []);
  return !identities.some((identity) => isAlive(identity));
}

/** Sees to it that a host which goes down from now on leaves a run that tells what it was. */
export async function keepFacts(directory: string): Promise<void> {
  await sync(join(directory, 'spec.json'));
}

/** Sees to it that a run whose ticket is unused never starts, and forgets the run. False when it has started. */
export async function giveUpRun(directory: string, token: string): Promise<boolean> {
  if (!(await withdrawTicket(directory, token))) return false;
  await forgetRun(directory, token).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
  return true;
}

/** What the directory and the process table say about a run, at this moment. */
export function readRunState(directory: string): RunState {
  const facts = readJson(join(directory, 'spec.json'), runFactsSchema);
  if (facts === null) return { state: 'none' };
  const ticket = ticketState(directory, facts.token);
  if (ticket !== 'used') return ticket === 'waiting' ? { state: 'waiting', facts } : { state: 'none' };
  const identity = parseIdentity(readTail(join(directory, `process-${facts.token}`)) ?? '');
  // The identity is written before the run counts as started, so without it the host went down in between.
  return identity !== null && isAlive(identity) ? { state: 'alive', facts, identity } : { state: 'gone', facts };
}

/** Whether a run is one whose guest was saved and has not been let go (again) yet. */
export function isAsleepStill(directory: string, facts: RunFacts): boolean {
  return facts.restored_from !== null && !isThere(join(directory, WOKEN_DIRECTORY));
}

/** The exit status recorded by the supervisor; null when it is not (completely) there. */
export function readStatus(directory: string): number | null {
  const text = readTail(join(directory, 'end'));
  return text !== null && /^\d{1,3}\n$/.test(text) ? Number(text) : null;
}

/** The last `maxBytes` of a log, over both its parts. */
export function readLog(directory: string, name: 'events.log' | 'console.log' | 'vmm.log', maxBytes: number): string {
  return readParts(directory, name, null, maxBytes).bytes.toString('utf8');
}

export function readRunJournal(directory: string): RunJournal {
  return readJournal(readLog(directory, 'events.log', 2 * EVENT_LOG_PART_BYTES));
}

/** The last line that QEMU itself wrote, warnings aside; its own lines begin with its program name. */
export function readLastWords(directory: string): string | null {
  const lines = readLog(directory, 'vmm.log', SMALL_FILE_MAX_BYTES).split('\n');
  const line = lines.findLast((one) => /^qemu(-system-\w+)?: /.test(one) && !/: warning: /.test(one));
  return line === undefined
    ? null
    : line
        .replace(/^\S+: /, '')
        .trim()
        .slice(0, LAST_WORDS_MAX_CHARACTERS);
}

export function readMarks(directory: string): RunMarks {
  return readJson(join(directory, 'marks.json'), marksSchema) ?? { ready_at: null, reboots_seen_until: null };
}

/** Replaces the marks by one rename. Calls for one run must not overlap. */
export async function writeMarks(directory: string, marks: RunMarks): Promise<void> {
  await writeFile(join(directory, '.marks'), JSON.stringify(marks));
  await rename(join(directory, '.marks'), join(directory, 'marks.json'));
}

/** How a run has ended, when that was decided before. */
export function readVerdict(directory: string): RunEnd | null {
  return readJson(join(directory, 'verdict.json'), verdictSchema);
}

/** Whether that was decided, which it is only of a run that is certainly gone. */
export function hasVerdict(directory: string): boolean {
  return isThere(join(directory, 'verdict.json'));
}

/**
 * How a run that is certainly gone has ended. Decided at the first call and kept. `witnessed` is the reason of a
 * SHUTDOWN event that was seen live, in case the event log lost it.
 */
export async function decideEnd(
  directory: string,
  facts: RunFacts,
  bootId: string,
  witnessed: string | null,
): Promise<RunEnd> {
  const decided = readVerdict(directory);
  if (decided !== null) return decided;
  const status = readStatus(directory);
  const journal = readRunJournal(directory);
  const end = composeEnd({
    sameHostBoot: facts.boot_id === bootId,
    status,
    statusAt: status === null ? null : Math.floor(statSync(join(directory, 'end')).mtimeMs),
    journal: { ...journal, shutdownReason: journal.shutdownReason ?? witnessed },
    exitPort: readTail(join(directory, 'exit.code')) ?? '',
    lastWords: readLastWords(directory),
  });
  const draft = join(directory, `.verdict-${facts.token}`);
  try {
    await writeFile(draft, JSON.stringify(end));
    // A link is made once: when two readers decide at the same time, both answer what the first one wrote.
    await link(draft, join(directory, 'verdict.json'));
  } catch {
    // Decided by another reader, or not to be kept (a full disk): the end is told all the same.
  }
  return readVerdict(directory) ?? end;
}
