import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../../actors/contracts/clock.ts';

/**
 * Publishes messages into the stream and matches the server's answers to them. One inbox and one sweep of deadlines
 * serve all messages under way: a request of the client library for each would cost three times as much.
 */

/** How long the server has for its answer. */
export const ANSWER_WAIT_MS = 5_000;
const SWEEP_EVERY_MS = 250;

export type Published =
  | { readonly kind: 'stored'; readonly seq: number; readonly duplicate: boolean }
  /** The server says why it did not store the message. */
  | { readonly kind: 'declined'; readonly code: number; readonly message: string }
  /** Nobody was there to take the message. */
  | { readonly kind: 'nobody' }
  /** No answer: the message may be stored, or may yet be. */
  | { readonly kind: 'silence'; readonly message: string };

export interface Publisher {
  /** Throws, before anything is sent, when the message is larger than the server takes. */
  readonly publish: (subject: string, bytes: Uint8Array, headers: MsgHdrs) => Promise<Published>;
  readonly underWay: () => number;
  /** Nothing that is under way will be answered any more. */
  readonly giveUp: (message: string) => void;
  /** Resolves when nothing is under way. */
  readonly drained: () => Promise<void>;
  readonly close: () => void;
}

interface Waiting {
  readonly deadline: number;
  readonly resolve: (published: Published) => void;
}

const STATUS_NOBODY = 503;

function answerIn(message: Msg): Published {
  if (message.data.length === 0 && message.headers?.code === STATUS_NOBODY) return { kind: 'nobody' };
  const answer = message.json() as {
    seq?: number;
    duplicate?: boolean;
    error?: { err_code?: number; description?: string };
  };
  if (answer.error !== undefined) {
    return {
      kind: 'declined',
      code: answer.error.err_code ?? 0,
      message: answer.error.description ?? 'no reason given',
    };
  }
  if (answer.seq === undefined) return { kind: 'silence', message: 'the server gave an answer that names no sequence' };
  return { kind: 'stored', seq: answer.seq, duplicate: answer.duplicate === true };
}

export function createPublisher(connection: NatsConnection, clock: Clock): Publisher {
  const inbox = createInbox();
  const waiting = new Map<string, Waiting>();
  let serial = 0;
  let drains: (() => void)[] = [];
  let cancelSweep: (() => void) | null = null;
  const settle = (key: string, published: Published): void => {
    const found = waiting.get(key);
    if (found === undefined) return;
    waiting.delete(key);
    found.resolve(published);
    if (waiting.size > 0) return;
    for (const drained of drains) drained();
    drains = [];
  };
  // Deadlines come in the order of publishing, which is the order of the map.
  const sweep = (): void => {
    cancelSweep = null;
    const now = clock.monotonic();
    for (const [key, { deadline }] of waiting) {
      if (deadline > now) break;
      settle(key, { kind: 'silence', message: `the server of the log did not answer within ${ANSWER_WAIT_MS} ms` });
    }
    armSweep();
  };
  const armSweep = (): void => {
    if (waiting.size > 0) cancelSweep ??= clock.after(SWEEP_EVERY_MS, sweep);
  };
  const subscription = connection.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      if (error === null) settle(message.subject.slice(inbox.length + 1), answerIn(message));
    },
  });
  return {
    publish: (subject, bytes, headers) => {
      const key = (serial++).toString(36);
      connection.publish(subject, bytes, { headers, reply: `${inbox}.${key}` });
      return new Promise((resolve) => {
        waiting.set(key, { deadline: clock.monotonic() + ANSWER_WAIT_MS, resolve });
        armSweep();
      });
    },
    underWay: () => waiting.size,
    giveUp: (message) => {
      for (const key of [...waiting.keys()]) settle(key, { kind: 'silence', message });
    },
    drained: () => (waiting.size === 0 ? Promise.resolve() : new Promise((resolve) => drains.push(resolve))),
    close: () => {
      cancelSweep?.();
      subscription.unsubscribe();
    },
  };
}
