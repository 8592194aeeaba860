import type { NatsConnection } from '@nats-io/transport-node';
import type { AppendResult, LogEntry, Token } from '../../actors/contracts/log.ts';
import { LogUnavailableError } from '../../actors/contracts/log-error.ts';
import { type Attempt, appendedAt, attemptOf } from './attempt.ts';
import type { ConnectionWatch } from './connection-watch.ts';
import { HEADER_BYTES_MAX, headNamedBy, NO_HEAD, seqOf } from './entries.ts';
import { type LogNames, STREAM_TOKEN_MAX } from './naming.ts';
import { createOpenAppends } from './open-appends.ts';
import { type Ownership, WRONG_LAST_SEQUENCE } from './ownership.ts';
import type { Published, Publisher } from './publisher.ts';
import { createTurns } from './turns.ts';

/** Appends under way, and their bytes; beyond that they are refused. */
export const UNDER_WAY_MAX = 100_000;
export const UNDER_WAY_BYTES_MAX = 134_217_728;

/** The server's codes for: no room left. */
const NO_ROOM: ReadonlySet<number> = new Set([10_002, 10_023, 10_028, 10_047, 10_077]);
const MESSAGE_TOO_LARGE = 10_054;

export interface Appending {
  readonly connection: NatsConnection;
  readonly names: LogNames;
  readonly publisher: Publisher;
  readonly watch: ConnectionWatch;
  readonly ownership: Ownership;
  /** The last entry of a stream, from the server. */
  readonly readHead: (stream: string) => Promise<LogEntry | null>;
}

export interface Appender {
  readonly append: (stream: string, prev: Token | null, bytes: string) => Promise<AppendResult>;
  /** Makes sure that nothing of this stream is left open: what was not written until then never will be. */
  readonly settle: (stream: string) => Promise<void>;
}

type Refused = Extract<AppendResult, { kind: 'refused' }>;

const refused = (reason: Refused['reason'], message: string): Refused => ({ kind: 'refused', reason, message });

const isUnavailable = (result: AppendResult): result is Refused =>
  result.kind === 'refused' && result.reason === 'unavailable';

export function createAppender(appending: Appending): Appender {
  const { publisher, ownership } = appending;
  const open = createOpenAppends();
  const turns = createTurns();
  let bytesUnderWay = 0;

  const send = async (attempt: Attempt): Promise<Published> => {
    bytesUnderWay += attempt.bytes.length;
    try {
      return await publisher.publish(attempt.subject, attempt.bytes, attempt.headers);
    } finally {
      bytesUnderWay -= attempt.bytes.length;
    }
  };
  const refusalNow = (): Refused | null => {
    if (publisher.underWay() < UNDER_WAY_MAX && bytesUnderWay < UNDER_WAY_BYTES_MAX) return refusalBy(appending);
    return refused('unavailable', 'too many appends wait for the server of the log');
  };
  /** A look at the claim first, where the last one is too long ago. */
  const refusalForSure = async (): Promise<Refused | null> => {
    if (ownership.certain() || (await ownership.confirm())) return refusalNow();
    return refusalNow() ?? refused('unavailable', 'it cannot be told who owns the log');
  };
  const offer = async (attempt: Attempt): Promise<AppendResult> => {
    // Nothing is awaited between the last look at the claim and the sending.
    const refusal = ownership.certain() ? refusalNow() : await refusalForSure();
    if (refusal !== null) return refusal;
    const published = await send(attempt);
    if (published.kind === 'silence') open.add(attempt);
    const wasOpen = open.has(attempt);
    const result = await resultOf(appending, attempt, published, wasOpen);
    // That nobody takes it now says nothing of an earlier time, when there was no answer.
    const undecided = result.kind === 'unknown' || (wasOpen && isUnavailable(result));
    if (!undecided) open.remove(attempt);
    return wasOpen && isUnavailable(result) ? { kind: 'unknown', message: result.message } : result;
  };
  // A cluster compares with what is stored, not with what is on its way: two at a time on one subject would both win.
  const offerInTurn = (attempt: Attempt): Promise<AppendResult> => turns.take(attempt.stream, () => offer(attempt));
  return {
    append: async (stream, prev, bytes) => {
      const refusal = refusalNow();
      if (refusal !== null) return refusal;
      const head = headNamedBy(prev);
      const attempt = attemptOf(appending.names, stream, head ?? NO_HEAD, bytes);
      const large = tooLarge(appending, attempt);
      if (large !== null) return large;
      if (head === null) return { kind: 'conflict', head: await appending.readHead(stream) };
      return offerInTurn(attempt);
    },
    settle: async (stream) => {
      for (const attempt of open.of(stream)) {
        const result = await offerInTurn(attempt);
        if (open.has(attempt)) {
          throw new LogUnavailableError('message' in result ? result.message : 'an append is left open');
        }
      }
    },
  };
}

/** Why nothing may be sent now; what is not sent is certainly not written. */
function refusalBy({ watch }: Appending): Refused | null {
  const { mode, message } = watch.state();
  if (mode === 'not_owner') return refused('not_owner', message ?? 'another process owns the log');
  return watch.reachable() ? null : refused('unavailable', message ?? 'the log cannot be reached');
}

function tooLarge({ connection, names }: Appending, { bytes, subject }: Attempt): Refused | null {
  if (subject.length > names.entries.length + 1 + STREAM_TOKEN_MAX) {
    return refused('too_large', `the name of a stream may have ${STREAM_TOKEN_MAX} characters on the server`);
  }
  const most = (connection.info?.max_payload ?? Number.POSITIVE_INFINITY) - HEADER_BYTES_MAX;
  if (bytes.length <= most) return null;
  return refused('too_large', `an entry may have ${most} bytes on this server, this one has ${bytes.length}`);
}

async function resultOf(
  appending: Appending,
  attempt: Attempt,
  published: Published,
  wasOpen: boolean,
): Promise<AppendResult> {
  const { watch } = appending;
  switch (published.kind) {
    case 'stored':
      watch.roomAgain();
      // An id the server knows already: only the entry itself tells what it is.
      return published.duplicate ? conflict(appending, attempt, wasOpen) : appendedAt(attempt, published.seq);
    case 'nobody':
      return refused('unavailable', 'nobody keeps the log: its stream or JetStream is gone');
    case 'silence':
      return { kind: 'unknown', message: published.message };
    case 'declined':
      if (published.code === WRONG_LAST_SEQUENCE) return conflict(appending, attempt, wasOpen);
      if (published.code === MESSAGE_TOO_LARGE) return refused('too_large', published.message);
      if (!NO_ROOM.has(published.code)) return refused('unavailable', `${published.message} (${published.code})`);
      watch.full(`the server of the log has no room: ${published.message}`);
      return refused('full', published.message);
  }
}

/** The head, or the answer to an append that was sent before without one and is there already. */
async function conflict(appending: Appending, attempt: Attempt, wasOpen: boolean): Promise<AppendResult> {
  try {
    const head = await appending.readHead(attempt.stream);
    if (wasOpen && head?.hash === attempt.hash && head.bytes === attempt.text) return { ...head, kind: 'appended' };
    if (seqOf(head?.position ?? null) !== attempt.prevSeq) return { kind: 'conflict', head };
    return { kind: 'unknown', message: 'the server declines an append after the head that it shows' };
  } catch (error) {
    return { kind: 'unknown', message: error instanceof Error ? error.message : String(error) };
  }
}
