import type { LogEntry, LogHead, Token } from '../../actors/contracts/log.ts';
import { LogUnavailableError } from '../../actors/contracts/log-error.ts';
import type { StoragePort } from './placement.ts';
import {
  type FlatEntries,
  type FlatHeads,
  ITEMS_PER_ENTRY,
  ITEMS_PER_HEAD,
  positionOf,
  type Reply,
  type Request,
} from './protocol.ts';

/** Sequences of one stream asked for at once when it is walked back. */
const WALK_STEPS = 1_000;

function entryAt(flat: FlatEntries, at: number): LogEntry {
  const position = positionOf(flat[at + 2] as number);
  return {
    stream: flat[at] as string,
    version: flat[at + 1] as number,
    position,
    token: position as Token,
    bytes: flat[at + 3] as string,
    prev_hash: flat[at + 4] as string,
    hash: flat[at + 5] as string,
  };
}

export function entriesOf(flat: FlatEntries): LogEntry[] {
  const entries: LogEntry[] = [];
  for (let at = 0; at < flat.length; at += ITEMS_PER_ENTRY) entries.push(entryAt(flat, at));
  return entries;
}

function* headsOf(flat: FlatHeads): Generator<LogHead> {
  for (let at = 0; at < flat.length; at += ITEMS_PER_HEAD) {
    const entry = entryAt(flat, at);
    const version = flat[at + 6] as number;
    yield version === 0 ? entry : { ...entry, landmark: { version, text: flat[at + 7] as string } };
  }
}

/** What was asked for, or LogUnavailableError with the reason why the storage could not answer. */
export async function askFor<K extends Reply['kind']>(
  port: StoragePort,
  request: Request,
  kind: K,
): Promise<Extract<Reply, { kind: K }>> {
  const reply = await port.request(request);
  if (reply.kind === kind) return reply as Extract<Reply, { kind: K }>;
  throw new LogUnavailableError(reply.kind === 'failed' ? reply.message : reply.kind);
}

interface Page {
  readonly entries: LogEntry[];
  readonly next: number;
}

/** Asks for entries; throws LogUnavailableError when the storage cannot answer. */
export async function askEntries(port: StoragePort, request: Request): Promise<Page> {
  const { entries, next } = await askFor(port, request, 'entries');
  return { entries: entriesOf(entries), next };
}

async function walkBack(port: StoragePort, seq: number, count: number): Promise<Float64Array> {
  return (await askFor(port, { kind: 'walk', seq, count: Math.min(count, WALK_STEPS) }, 'seqs')).seqs;
}

/**
 * Entries with these sequences, asked for again until the last has come: a page holds only so many characters. Those
 * that were trimmed meanwhile are left out.
 */
async function* entriesAt(port: StoragePort, seqs: Float64Array): AsyncGenerator<LogEntry> {
  for (let rest = seqs; rest.length > 0; ) {
    const { entries, next } = await askEntries(port, { kind: 'rows', seqs: rest });
    yield* entries;
    rest = rest.slice(Math.max(1, next));
  }
}

/**
 * A stream in order: what is near its head with one request, the rest in stretches. It is chained backwards only, so it is walked back first, keeping one sequence per stretch of
 * WALK_STEPS; then the stretches are walked again from the oldest on. Memory stays small however long the stream is.
 */
export async function* readStream(
  port: StoragePort,
  stream: string,
  fromVersion: number,
  limit: number,
): AsyncGenerator<LogEntry> {
  const version = Math.max(1, fromVersion);
  const count = Math.min(limit, WALK_STEPS);
  const near = await askEntries(port, { kind: 'near', stream, version, count, steps: WALK_STEPS });
  yield* near.entries;
  if (near.entries.length >= limit) return;
  yield* readFar(port, stream, near.next + near.entries.length);
}

async function* readFar(port: StoragePort, stream: string, fromVersion: number): AsyncGenerator<LogEntry> {
  const { entries } = await askEntries(port, { kind: 'head', stream });
  const head = entries[0];
  if (head === undefined || fromVersion > head.version) return;
  let missing = head.version - Math.max(1, fromVersion) + 1;
  const stretches: { readonly seq: number; readonly count: number }[] = [];
  let oldest = new Float64Array();
  for (let seq = Number(head.position); missing > 0; ) {
    // One step more than is read: the sequence the next stretch begins with.
    const seqs = await walkBack(port, seq, WALK_STEPS);
    const count = Math.min(missing, seqs.length, WALK_STEPS - 1);
    if (count === 0) break;
    oldest = seqs.slice(0, count);
    stretches.push({ seq, count });
    missing -= count;
    const next = seqs[count];
    if (next === undefined) break;
    seq = next;
  }
  stretches.pop();
  yield* entriesAt(port, oldest.toReversed());
  for (const { seq, count } of stretches.toReversed()) {
    yield* entriesAt(port, (await walkBack(port, seq, count)).toReversed());
  }
}

/** Entries after a sequence, up to one that is there already; ends when it has fetched as many as are wanted. */
export async function* readPages(
  port: StoragePort,
  after: number,
  upTo: number,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<LogEntry> {
  let wanted = limit;
  for (let seq = after; seq < upTo && wanted > 0; ) {
    const most = Number.isFinite(wanted) ? { most: wanted } : {};
    const { entries, next } = await askEntries(port, { kind: 'page', after: seq, upTo, ...most });
    yield* entries;
    seq = next;
    wanted -= entries.length;
  }
}

/** Entries up to a sequence, the newest first. */
export async function* readBack(port: StoragePort, upTo: number): AsyncGenerator<LogEntry> {
  for (let before = upTo + 1; before > 0; ) {
    const { entries, next } = await askEntries(port, { kind: 'back', before });
    yield* entries;
    before = next;
  }
}

type HeadsPage = Extract<Reply, { kind: 'heads' }>;

/** Every head; the storage reads the next page while this one is worked on. */
export async function* readHeads(port: StoragePort, landmarks: boolean): AsyncGenerator<LogHead> {
  const ask = (after: number): Promise<HeadsPage> => {
    const page = askFor(port, { kind: 'heads', after, landmarks }, 'heads');
    // Awaited later, or never by a reader that stops: its failure must not look unhandled.
    page.catch(() => {});
    return page;
  };
  for (let page: Promise<HeadsPage> | null = ask(0); page !== null; ) {
    const { heads, next }: HeadsPage = await page;
    page = next === 0 ? null : ask(next);
    yield* headsOf(heads);
  }
}
