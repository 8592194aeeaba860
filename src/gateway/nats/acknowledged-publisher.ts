import { createInbox, type Msg, type MsgHdrs, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { z } from 'zod';
import type { CancelTimer, Clock } from '../../actors/contracts/clock.ts';

/**
 * Publishes into a stream and hears its acknowledgements on one subscription with one timer, however many messages are
 * on their way. A connection that is lost ends all of them at once: who waits for an answer that cannot come learns it
 * now, and not when its time has run out.
 */
export interface AcknowledgedPublisher {
  /** The message's sequence in the stream. */
  publish(subject: string, payload: string, headers: MsgHdrs): Promise<number>;
  /** Whatever is on its way has failed for this reason. Idempotent. */
  end(reason: Error): void;
}

interface Waiting {
  readonly since: number;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: Error) => void;
}

const answerSchema = z.union([
  z.object({ error: z.object({ description: z.string() }) }),
  z.object({ seq: z.int().positive() }),
]);
/** How often it is looked for answers that are late. */
const LOOK_MS = 1_000;

export function createAcknowledgedPublisher(
  connection: NatsConnection,
  { clock, limitMs }: { clock: Clock; limitMs: number },
): AcknowledgedPublisher {
  return new Publisher(connection, clock, limitMs);
}

class Publisher implements AcknowledgedPublisher {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #inbox = createInbox();
  readonly #answers: Subscription;
  /** By the last token of the reply's subject, the oldest first. */
  readonly #waiting = new Map<string, Waiting>();
  #sent = 0;
  #ended: Error | null = null;
  #cancelLook: CancelTimer = () => {};

  constructor(connection: NatsConnection, clock: Clock, limitMs: number) {
    this.#connection = connection;
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#answers = connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => this.#hear(error, message),
    });
    void this.#watch();
    this.#look();
  }

  publish(subject: string, payload: string, headers: MsgHdrs): Promise<number> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const token = String(this.#sent++);
    return new Promise((resolve, reject) => {
      this.#waiting.set(token, { since: this.#clock.monotonic(), resolve, reject });
      this.#connection.publish(subject, payload, { headers, reply: `${this.#inbox}.${token}` });
    });
  }

  end(reason: Error): void {
    if (this.#ended !== null) return;
    this.#ended = reason;
    this.#cancelLook();
    if (!this.#connection.isClosed()) this.#answers.unsubscribe();
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }

  #hear(error: Error | null, message: Msg): void {
    if (error !== null) {
      this.end(error);
      return;
    }
    const token = message.subject.slice(this.#inbox.length + 1);
    const waiting = this.#waiting.get(token);
    if (waiting === undefined) return;
    this.#waiting.delete(token);
    try {
      const answer = answerSchema.parse(message.json());
      if ('seq' in answer) waiting.resolve(answer.seq);
      else waiting.reject(new Error(answer.error.description));
    } catch {
      // Empty when nobody listens to that subject.
      waiting.reject(new Error('the stream does not take the record'));
    }
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (this.#ended !== null) return;
      if (type === 'disconnect') this.end(new Error('the connection to NATS is lost'));
    }
    this.end(new Error('the connection to NATS is closed'));
  }

  #look(): void {
    const [oldest] = this.#waiting.values();
    if (oldest !== undefined && this.#clock.monotonic() - oldest.since > this.#limitMs) {
      this.end(new Error('the stream does not answer'));
      return;
    }
    this.#cancelLook = this.#clock.after(LOOK_MS, () => this.#look());
  }
}
