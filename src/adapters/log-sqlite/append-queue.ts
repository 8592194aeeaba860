import type { Clock } from '../../actors/contracts/clock.ts';
import type { AppendResult, Room, Token } from '../../actors/contracts/log.ts';
import type { StoragePort } from './placement.ts';
import { type AppendReply, type FlatAppends, positionOf, type Reply } from './protocol.ts';

/** Appends in one batch, and characters of payload (one larger entry makes a batch of its own). */
const BATCH_APPENDS_MAX = 512;
const BATCH_CHARS_MAX = 1_048_576;
/** Batches handed to the storage at a time: it works on one while the other crosses threads. */
const BATCHES_IN_FLIGHT_MAX = 2;
/** What may wait to be written; beyond that appends are refused. */
const QUEUE_APPENDS_MAX = 100_000;
const QUEUE_CHARS_MAX = 134_217_728;

interface Batch {
  readonly appends: FlatAppends;
  readonly resolves: ((result: AppendResult) => void)[];
  chars: number;
}

export interface QueuedAppend {
  readonly stream: string;
  readonly prev: Token | null;
  readonly bytes: string;
  readonly room: Room;
  readonly landmark: string | null;
}

export interface AppendQueue {
  readonly push: (append: QueuedAppend) => Promise<AppendResult>;
  /** Resolves once everything pushed so far is answered. */
  readonly drained: () => Promise<void>;
  readonly batches: () => number;
}

function refused(message: string): AppendResult {
  return { kind: 'refused', reason: 'unavailable', message };
}

function answerAll(batch: Batch, reply: AppendReply): void {
  const others = new Map(reply.others);
  for (const [index, resolve] of batch.resolves.entries()) {
    const seq = reply.seqs[index]!;
    const position = positionOf(seq);
    const version = reply.versions[index]!;
    resolve(seq === 0 ? others.get(index)! : { kind: 'appended', token: position as Token, position, version });
  }
}

/**
 * Group commit: what arrives while batches are being written forms the next one. `onWritten` learns the state of the
 * log after every batch, before its appends are answered.
 */
export function createAppendQueue(
  port: StoragePort,
  clock: Pick<Clock, 'turn'>,
  onWritten: (reply: AppendReply) => void,
): AppendQueue {
  const queue: Batch[] = [];
  const drains: (() => void)[] = [];
  const waiting = { appends: 0, chars: 0, batches: 0 };
  let inFlight = 0;
  let scheduled = false;

  const settle = (batch: Batch, reply: Reply): void => {
    inFlight -= 1;
    waiting.appends -= batch.resolves.length;
    waiting.chars -= batch.chars;
    if (reply.kind === 'appends') {
      onWritten(reply);
      answerAll(batch, reply);
    } else {
      // The thread may have died before or after the commit.
      const message = reply.kind === 'failed' ? reply.message : 'the log gave no answer';
      for (const resolve of batch.resolves) resolve({ kind: 'unknown', message });
    }
    if (queue.length > 0) schedule();
    else if (inFlight === 0) for (const drained of drains.splice(0)) drained();
  };
  const flush = (): void => {
    scheduled = false;
    while (inFlight < BATCHES_IN_FLIGHT_MAX && queue.length > 0) {
      const batch = queue.shift()!;
      inFlight += 1;
      waiting.batches += 1;
      void port.request({ kind: 'append', appends: batch.appends }).then((reply) => settle(batch, reply));
    }
  };
  const schedule = (): void => {
    if (scheduled || inFlight >= BATCHES_IN_FLIGHT_MAX) return;
    scheduled = true;
    // A turn, so that all who append in answer to the same batch or the same input share the next batch.
    void clock.turn().then(flush);
  };
  const open = (chars: number): Batch => {
    const last = queue.at(-1);
    const fits =
      last !== undefined && last.resolves.length < BATCH_APPENDS_MAX && last.chars + chars <= BATCH_CHARS_MAX;
    if (fits) return last;
    const batch: Batch = { appends: [], resolves: [], chars: 0 };
    queue.push(batch);
    return batch;
  };

  return {
    batches: () => waiting.batches,
    push: ({ stream, prev, bytes, room, landmark }) => {
      if (waiting.appends >= QUEUE_APPENDS_MAX || waiting.chars >= QUEUE_CHARS_MAX) {
        return Promise.resolve(refused('too many appends wait for the disk'));
      }
      const batch = open(bytes.length);
      batch.appends.push(stream, prev, bytes, room, landmark);
      batch.chars += bytes.length;
      waiting.appends += 1;
      waiting.chars += bytes.length;
      schedule();
      return new Promise((resolve) => batch.resolves.push(resolve));
    },
    drained: () => (queue.length === 0 && inFlight === 0 ? Promise.resolve() : new Promise((go) => drains.push(go))),
  };
}
