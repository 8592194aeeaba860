import type { InstanceRecord } from '../../machines/record.ts';
import type { Clock } from './contracts/clock.ts';
import type { AppendResult, Log, LogEntry, Position, RefusalReason, Token } from './contracts/log.ts';
import type { Telemetry } from './contracts/telemetry.ts';
import { StatevisorError } from './errors.ts';
import type { Letter } from './mailbox.ts';
import { roomFor } from './record-room.ts';
import { landmarkOf } from './records.ts';

/**
 * Gets one record into the log, or finds out for sure that it is not there. What is owed to the world (ends of VMs,
 * results of effects) waits for the log and is decided anew then, since its deadlines count from the decision; commands
 * are refused; timers are offered again later. On a full log a reading of a probe or of traffic gives way, since a
 * newer one will come; on a log that cannot be reached it waits, so that what is decided afterwards rests on it.
 */

/** How long the runtime waits before it offers a record to a log again that could not take it. */
export const APPEND_RETRY_MS = 250;
/** How long a command waits for a log that gives no answer; then it is told that the outcome is not known yet. */
export const OUTCOME_WAIT_MAX_MS = 2_000;

export type Appended =
  | { readonly kind: 'appended'; readonly token: Token; readonly position: Position }
  /** Not written, and given up here: nobody is told. */
  | { readonly kind: 'held_back' }
  /** Not written: the event is to be decided anew, after some time, or on another head when the stream has one. */
  | { readonly kind: 'later'; readonly head?: LogEntry };

export interface AppendWorld {
  readonly log: Log;
  readonly clock: Clock;
  readonly telemetry: Telemetry | undefined;
  readonly closing: () => boolean;
  readonly report: (message: string, error?: unknown) => void;
  /** Nobody is kept waiting behind a record that the log does not take. */
  readonly refuseWaiting: (error: StatevisorError) => void;
}

const HELD_BACK = { kind: 'held_back' } as const;

/** Throws StatevisorError: what the log refused, or `not_owner` when this process may not go on with the stream. */
export async function appendDurably(
  world: AppendWorld,
  token: Token | null,
  record: InstanceRecord,
  letter: Letter,
): Promise<Appended> {
  const bytes = JSON.stringify(record);
  const room = roomFor(letter);
  const begun = world.clock.monotonic();
  const result = await world.log
    .append(record.stream, token, bytes, room, landmarkOf(record))
    .catch((error: unknown): AppendResult => ({ kind: 'unknown', message: String(error) }));
  world.telemetry?.appended(result.kind, world.clock.monotonic() - begun);
  const known = result.kind === 'unknown' ? await resolveUnknown(world, token, { record, bytes, letter }) : result;
  switch (known.kind) {
    case 'appended':
      return known;
    case 'conflict':
      // A write that was given up for lost has landed after all: it is this very record.
      if (known.head?.bytes === bytes) return { ...known.head, kind: 'appended' };
      // What a former owner had sent may land after this process has read the log; nobody else appends while this one owns it.
      if (known.head !== null && known.head.version >= record.version && world.log.state().mode !== 'not_owner')
        return { kind: 'later', head: known.head };
      throw new StatevisorError('not_owner', 'Another daemon has appended to this instance.');
    case 'refused':
      if (known.reason === 'not_owner') throw new StatevisorError('not_owner', known.message);
      if (letter.answer !== null) throw refusalBy(known.reason, known.message);
      if (known.reason === 'too_large') throw new Error(`A record does not fit the log: ${known.message}`);
      if (letter.class === 'timer' || (room === 'ordinary' && known.reason === 'full')) return HELD_BACK;
      break;
    case 'unknown':
      if (letter.answer !== null) throw refusalBy('unavailable', known.message);
      break;
  }
  if (world.closing()) return HELD_BACK;
  world.refuseWaiting(refusalBy(known.kind === 'refused' ? known.reason : 'unavailable', known.message));
  await world.clock.sleep(APPEND_RETRY_MS);
  return { kind: 'later' };
}

/** The head tells what became of an append whose answer was lost. Until it does, nothing can be decided here. */
async function resolveUnknown(
  world: AppendWorld,
  token: Token | null,
  { record, bytes, letter }: { record: InstanceRecord; bytes: string; letter: Letter },
): Promise<AppendResult> {
  const head = await headForSure(world, record.stream, letter);
  if (head?.bytes === bytes) return { ...head, kind: 'appended' };
  if ((head?.token ?? null) === token) return { kind: 'unknown', message: 'not written' };
  return { kind: 'conflict', head };
}

async function headForSure(world: AppendWorld, stream: string, letter: Letter): Promise<LogEntry | null> {
  const cancel = world.clock.after(OUTCOME_WAIT_MAX_MS, () => letter.answer?.leaveOpen());
  try {
    for (let tries = 0; ; tries++) {
      try {
        return await world.log.head(stream);
      } catch (error) {
        if (world.closing()) throw new StatevisorError('shutting_down', 'The daemon is shutting down.');
        if (tries === 0) world.report('The log cannot be read.', error);
        world.refuseWaiting(refusalBy('unavailable', 'the log cannot be read'));
        await world.clock.sleep(APPEND_RETRY_MS);
      }
    }
  } finally {
    cancel();
  }
}

const CODE_OF_REFUSAL = {
  full: 'log_full',
  unavailable: 'log_unavailable',
  too_large: 'payload_too_large',
  not_owner: 'not_owner',
} as const satisfies Record<RefusalReason, string>;

function refusalBy(reason: RefusalReason, message: string): StatevisorError {
  return new StatevisorError(CODE_OF_REFUSAL[reason], message);
}
