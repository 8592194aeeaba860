import assert from 'node:assert/strict';
import { systemClock } from '../../src/actors/clock.ts';
import type { AppendResult, Log, LogEntry, Position, Token } from '../../src/actors/contracts/log.ts';

/** A log under test. `log` is empty at first. */
export interface LogSubject {
  readonly log: Log;
  /** Closes the log and opens the same storage again. */
  reopen(): Promise<Log>;
  destroy(): Promise<void>;
}

/** One promise of the contract; `run` throws when the subject breaks it. */
export interface LogCheck {
  readonly rule: string;
  readonly run: (subject: LogSubject) => Promise<void>;
}

export type Appended = Extract<AppendResult, { kind: 'appended' }>;

/** How long an answer that has to come is waited for, in ms, before its absence counts as a broken promise. */
const ANSWER_LIMIT_MS = 5_000;

/** The value, or a failure that says what did not come. */
export async function within<T>(what: string, answer: Promise<T>, limitMs: number = ANSWER_LIMIT_MS): Promise<T> {
  const answered = new AbortController();
  const late = systemClock()
    .sleep(limitMs, answered.signal)
    .then((elapsed) => (elapsed ? 'late' : 'answered'));
  try {
    const first = await Promise.race([answer.then((value) => ({ value })), late]);
    if (typeof first === 'string') assert.fail(`${what} did not come within ${limitMs} ms`);
    return first.value;
  } finally {
    answered.abort();
  }
}

export async function collect<T extends LogEntry>(entries: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  await within(
    'the end of the entries',
    (async () => {
      for await (const entry of entries) all.push(entry);
    })(),
    60_000,
  );
  return all;
}

/** Appends and insists on `appended`. */
export async function mustAppend(log: Log, stream: string, prev: Token | null, bytes: string): Promise<Appended> {
  const result = await within('the answer to an append', log.append(stream, prev, bytes), 60_000);
  if (result.kind !== 'appended') assert.fail(`expected appended, got ${JSON.stringify(result)}`);
  return result;
}

/** Appends `count` entries one after the other, named `<stream>#<n>`, from an empty stream on. */
export async function appendMany(log: Log, stream: string, count: number): Promise<Appended[]> {
  const results: Appended[] = [];
  let prev: Token | null = null;
  for (let n = 1; n <= count; n++) {
    const result: Appended = await mustAppend(log, stream, prev, `${stream}#${n}`);
    results.push(result);
    prev = result.token;
  }
  return results;
}

export interface Follower {
  readonly entries: LogEntry[];
  /** Resolves when the iteration has ended. */
  readonly ended: Promise<void>;
  readonly abort: () => void;
  /** Resolves once `count` entries have come. */
  readonly has: (count: number, limitMs?: number) => Promise<void>;
}

/** Subscribes and keeps what comes. */
export function follow(log: Log, after: Position | null): Follower {
  const controller = new AbortController();
  const entries: LogEntry[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const ended = (async () => {
    for await (const entry of log.subscribe(after, controller.signal)) {
      entries.push(entry);
      for (const wait of waiting) if (entries.length >= wait.count) wait.resolve();
    }
  })();
  const has = (count: number, limitMs?: number): Promise<void> => {
    if (entries.length >= count) return Promise.resolve();
    const arrived = new Promise<void>((resolve) => waiting.push({ count, resolve }));
    const endedEarly = ended.then(() => {
      assert.ok(entries.length >= count, `a subscription ended after ${entries.length} entries, not ${count}`);
    });
    return within(`entry ${count} of a subscription`, Promise.race([arrived, endedEarly]), limitMs);
  };
  return { entries, ended, abort: () => controller.abort(), has };
}

export function bytesOf(entries: readonly LogEntry[]): string[] {
  return entries.map((entry) => entry.bytes);
}

/** Positions must rise strictly, compared as strings. */
export function assertAscending(entries: readonly { readonly position: Position }[]): void {
  for (let index = 1; index < entries.length; index++) {
    const before = entries[index - 1]!.position;
    const here = entries[index]!.position;
    assert.ok(before < here, `position ${here} must come after ${before}`);
  }
}
