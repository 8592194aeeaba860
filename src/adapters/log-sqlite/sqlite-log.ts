import { createAdvance } from '../../actors/contracts/advance.ts';
import type { Clock } from '../../actors/contracts/clock.ts';
import type { AppendResult, Log, Position, Room } from '../../actors/contracts/log.ts';
import { LogUnavailableError } from '../../actors/contracts/log-error.ts';
import { createLogStateKeeper } from '../../actors/contracts/log-state.ts';
import { createAppendQueue } from './append-queue.ts';
import { logReads, positionOrNull, seqOf, type View } from './log-reads.ts';
import { askFor } from './paged-reads.ts';
import { placeInWorker, placeOnMain, type StoragePort } from './placement.ts';
import type { AppendReply } from './protocol.ts';
import { createSweeper } from './sweeper.ts';

/** Room kept free for reserved appends on a full disk, in bytes. */
export const BALLAST_BYTES_DEFAULT = 4_194_304;
/** How often, at most, a full log looks whether there is room again. */
export const ROOM_CHECK_EVERY_MS = 1_000;

export interface SqliteLogOptions {
  /** Made when it is missing. Holds `log.sqlite` and what belongs to it. */
  readonly directory: string;
  readonly clock: Clock;
  /** 0: keep no room free. */
  readonly ballastBytes?: number;
  /** Where the storage runs: in a thread of its own (the default) or on the main one. */
  readonly placement?: 'worker' | 'main';
}

export interface SqliteLogStatus {
  /** `full`: ordinary appends are refused, reserved ones use the room that was kept free. */
  readonly room: 'free' | 'full';
  /** Position of the last entry; null while the log is empty. */
  readonly position: Position | null;
  /** Transactions written since the log was opened. */
  readonly batches: number;
}

export interface SqliteLog extends Log {
  readonly survives: 'os';
  readonly status: () => SqliteLogStatus;
}

const FULL_MESSAGE = 'the disk that holds the log is full';

function noteRoom(view: View, full: boolean): void {
  view.full = full;
  if (view.gone === null) view.mode.become(full ? 'log_full' : 'serving', FULL_MESSAGE);
}

/** Looks for room again while the log is full: by the clock, and when an append comes that has to be refused. */
function createRoomCheck(port: StoragePort, clock: Clock, view: View): { check: () => void; arm: () => void } {
  const check = (): void => {
    if (view.closing !== null || view.gone !== null || clock.monotonic() - view.lastRoomCheckMs < ROOM_CHECK_EVERY_MS)
      return;
    view.lastRoomCheckMs = clock.monotonic();
    void port.request({ kind: 'restore' }).then((reply) => {
      if (reply.kind === 'room') noteRoom(view, reply.full);
      arm();
    });
  };
  const arm = (): void => {
    if (!view.full || view.closing !== null || view.gone !== null || view.cancelRoomCheck !== null) return;
    view.cancelRoomCheck = clock.after(ROOM_CHECK_EVERY_MS, () => {
      view.cancelRoomCheck = null;
      check();
      arm();
    });
  };
  return { check, arm };
}

/** What an append is refused for without asking the storage. */
function refusalOf(view: View, room: Room): (AppendResult & { readonly kind: 'refused' }) | null {
  const unavailable = view.closing === null ? view.gone : 'the log is closed';
  if (unavailable !== null) return { kind: 'refused', reason: 'unavailable', message: unavailable };
  if (!view.full || room === 'reserved') return null;
  return { kind: 'refused', reason: 'full', message: FULL_MESSAGE };
}

/** The log over its storage, wherever that runs. */
export function createSqliteLog(port: StoragePort, clock: Clock): SqliteLog {
  const advance = createAdvance();
  const { lastSeq, full, completeAfter, unswept } = port.opening;
  const view: View = {
    lastSeq,
    completeAfter,
    appendedBytes: 0,
    full,
    lastRoomCheckMs: clock.monotonic(),
    cancelRoomCheck: null,
    closing: null,
    gone: null,
    mode: createLogStateKeeper(clock),
  };
  noteRoom(view, full);
  void port.gone.then((reason) => {
    view.gone = reason;
    view.mode.become('log_unreachable', reason);
    view.cancelRoomCheck?.();
    advance.end();
  });
  const room = createRoomCheck(port, clock, view);
  room.arm();
  const queue = createAppendQueue(port, clock, (reply: AppendReply) => {
    noteRoom(view, reply.full);
    room.arm();
    const last = reply.seqs.reduce((most, seq) => Math.max(most, seq), 0);
    if (last === 0) return;
    view.lastSeq = last;
    advance.advance();
  });
  const sweeper = createSweeper(port, clock);
  if (unswept > 0) sweeper.start();
  const assertOpen = (): void => {
    if (view.closing !== null) throw new LogUnavailableError('the log is closed');
  };
  const close = async (): Promise<void> => {
    view.cancelRoomCheck?.();
    sweeper.stop();
    await queue.drained();
    advance.end();
    await port.request({ kind: 'close' });
  };
  return {
    survives: 'os',
    state: () => view.mode.state(),
    append: (stream, prev, bytes, roomKind = 'ordinary', landmark) => {
      const refusal = refusalOf(view, roomKind);
      if (refusal !== null) {
        if (refusal.reason === 'full') room.check();
        return Promise.resolve(refusal);
      }
      view.appendedBytes += Buffer.byteLength(bytes);
      return queue.push({ stream, prev, bytes, room: roomKind, landmark: landmark ?? null });
    },
    ...logReads(port, view, advance, assertOpen),
    trim: async ({ stream, version, position }) => {
      assertOpen();
      const reply = await askFor(port, { kind: 'trim', stream, version, seq: seqOf(position) }, 'trimmed');
      view.completeAfter = reply.completeAfter;
      if (reply.removed > 0) sweeper.start();
      return reply.removed;
    },
    usage: async () => {
      assertOpen();
      const { usage } = await askFor(port, { kind: 'usage' }, 'usage');
      return { ...usage, appended_bytes: view.appendedBytes };
    },
    close: () => {
      view.closing ??= close();
      return view.closing;
    },
    status: () => ({
      room: view.full ? 'full' : 'free',
      position: positionOrNull(view.lastSeq),
      batches: queue.batches(),
    }),
  };
}

/**
 * The log in one SQLite database, with a write-ahead log that is synced before any append is answered. It declares
 * that entries survive the operating system: a sync makes the machine's disk hold them, so that a crash of the kernel
 * or a loss of power leaves them there as far as the disk keeps its word. It does not say `node`, since there is one
 * copy, which goes with the machine's disk.
 *
 * One process at a time holds a directory, by a lock that the operating system lets go of when the process ends.
 * Throws LogOpenError: `data_directory_in_use`, `log_from_newer_version`, `log_unreadable`, `log_unwritable`.
 */
export async function openSqliteLog(options: SqliteLogOptions): Promise<SqliteLog> {
  const storage = { directory: options.directory, ballastBytes: options.ballastBytes ?? BALLAST_BYTES_DEFAULT };
  const onMain = options.placement === 'main';
  const port = onMain ? placeOnMain(storage, options.clock) : await placeInWorker(storage);
  return createSqliteLog(port, options.clock);
}
