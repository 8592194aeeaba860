import { z } from 'zod';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { LogEntry } from '../../actors/contracts/log.ts';
import { toRfc3339 } from '../../projections/instants.ts';
import type { Cursor } from '../outbox/cursor-store.ts';
import type { Delivery, Destination } from '../outbox/destination.ts';
import { type Notice, noticeIn } from './notice.ts';
import type { Webhook } from './options.ts';
import { post } from './post.ts';
import { SIGNATURE_HEADER, signatureOf } from './signature.ts';

/**
 * One receiver of notices: in order, one at a time, each again and again until it is taken or given up. A notice that is
 * given up is parked: shown, counted, and not in the way of the next one.
 */

/** How often a notice is sent before it is parked: with the delays below, over about twenty minutes. */
export const WEBHOOK_ATTEMPTS_MAX = 12;
export const WEBHOOK_RETRY_MIN_MS = 1_000;
export const WEBHOOK_RETRY_MAX_MS = 600_000;
/** How long a receiver may take. */
export const WEBHOOK_LIMIT_MS = 10_000;
/** Parked notices that are still shown one by one. */
export const WEBHOOK_PARKED_SHOWN_MAX = 20;
const JITTER_BYTES = 4;
const JITTER_MAX = 2 ** 32;

export interface WebhookLimits {
  readonly attemptsMax: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  readonly limitMs: number;
}

export interface WebhookOptions {
  readonly webhook: Webhook;
  readonly host: string;
  readonly version: string;
  readonly nameOf: (instance: string) => string | null;
  /** Read for each attempt, so that a new secret counts at once. Throws what is wrong with it. */
  readonly secret: () => string;
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: (line: string) => void;
  readonly limits?: WebhookLimits;
}

const parkedSchema = z.object({
  id: z.string(),
  type: z.string(),
  instance: z.string(),
  at: z.string(),
  reason: z.string(),
});
const memoSchema = z.object({
  delivered: z.int(),
  last_delivered_at: z.string().nullable(),
  parked: z.int(),
  last_parked: z.array(parkedSchema),
});
type Memo = z.infer<typeof memoSchema>;
const NOTHING_YET: Memo = { delivered: 0, last_delivered_at: null, parked: 0, last_parked: [] };
const LIMITS: WebhookLimits = {
  attemptsMax: WEBHOOK_ATTEMPTS_MAX,
  retryMinMs: WEBHOOK_RETRY_MIN_MS,
  retryMaxMs: WEBHOOK_RETRY_MAX_MS,
  limitMs: WEBHOOK_LIMIT_MS,
};

export interface WebhookStatus extends Memo {
  readonly name: string;
  /** Where it goes, without the path: that may be a secret. */
  readonly origin: string;
  readonly events: readonly string[];
  readonly state: 'idle' | 'sending' | 'retrying';
  readonly attempt: number;
  readonly next_attempt_at: string | null;
}

export interface WebhookDestination extends Destination {
  status(): WebhookStatus;
  lastError(): string | null;
}

export function createWebhookDestination(options: WebhookOptions): WebhookDestination {
  return new Receiver(options);
}

class Receiver implements WebhookDestination {
  readonly window = 1;
  readonly #options: WebhookOptions;
  readonly #limits: WebhookLimits;
  #memo: Memo = NOTHING_YET;
  #attempt = 0;
  #nextAttemptMs: number | null = null;
  #lastError: string | null = null;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#limits = options.limits ?? LIMITS;
  }

  async open(cursor: Cursor): Promise<Cursor> {
    const kept = memoSchema.safeParse(cursor.memo);
    if (kept.success) this.#memo = kept.data;
    return cursor;
  }

  async deliver(entry: LogEntry, signal: AbortSignal): Promise<Delivery> {
    const { host, nameOf, webhook } = this.#options;
    const notice = noticeIn(entry, { host, nameOf, events: webhook.events });
    if (notice === null) return { memo: this.#memo };
    const failure = await this.#send(notice, signal);
    this.#memo = failure === null ? this.#afterDelivery() : this.#afterParking(notice, failure);
    return { memo: this.#memo, keep: true };
  }

  status(): WebhookStatus {
    const { name, url, events } = this.#options.webhook;
    const next = this.#nextAttemptMs;
    return {
      name,
      origin: new URL(url).origin,
      events,
      state: this.#attempt === 0 ? 'idle' : next === null ? 'sending' : 'retrying',
      attempt: this.#attempt,
      next_attempt_at: next === null ? null : toRfc3339(next),
      ...this.#memo,
    };
  }

  lastError(): string | null {
    return this.#lastError;
  }

  /** Null once it is taken, else why it was given up. Rejects when nobody waits any more. */
  async #send(notice: Notice, signal: AbortSignal): Promise<string | null> {
    const { clock, tell, webhook } = this.#options;
    const { attemptsMax } = this.#limits;
    let failure: string | null = null;
    for (this.#attempt = 1; this.#attempt <= attemptsMax; this.#attempt++) {
      failure = await this.#try(notice, signal);
      if (signal.aborted) throw new Error('given up');
      if (failure === null) break;
      if (this.#lastError === null) tell(`Webhook ${webhook.name}: ${failure}; it is tried again.`);
      this.#lastError = failure;
      if (this.#attempt === attemptsMax) break;
      const delayMs = this.#delayMs();
      this.#nextAttemptMs = clock.now() + delayMs;
      if (!(await clock.sleep(delayMs, signal))) throw new Error('given up');
      this.#nextAttemptMs = null;
    }
    this.#attempt = 0;
    return failure;
  }

  async #try(notice: Notice, signal: AbortSignal): Promise<string | null> {
    const { webhook, secret, clock, version } = this.#options;
    const body = JSON.stringify(notice);
    let key: string;
    try {
      key = secret();
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    const headers = {
      'Content-Type': 'application/json',
      'User-Agent': `statevisor/${version}`,
      'Statevisor-Event': notice.type,
      'Statevisor-Delivery': notice.id,
      [SIGNATURE_HEADER]: signatureOf(body, key, clock.now()),
    };
    return post({ url: webhook.url, headers, body, limitMs: this.#limits.limitMs, clock, signal });
  }

  /** Doubles with each attempt; between half of it and all of it, so that receivers are not met by all hosts at once. */
  #delayMs(): number {
    const { retryMinMs, retryMaxMs } = this.#limits;
    const whole = Math.min(retryMinMs * 2 ** (this.#attempt - 1), retryMaxMs);
    const chance = Number.parseInt(this.#options.random.hex(JITTER_BYTES), 16) / JITTER_MAX;
    return Math.round(whole * (0.5 + chance / 2));
  }

  #afterDelivery(): Memo {
    if (this.#lastError !== null) this.#options.tell(`Webhook ${this.#options.webhook.name}: goes on.`);
    this.#lastError = null;
    const last_delivered_at = toRfc3339(this.#options.clock.now());
    return { ...this.#memo, delivered: this.#memo.delivered + 1, last_delivered_at };
  }

  #afterParking({ id, type, instance, at }: Notice, reason: string): Memo {
    const { webhook, tell } = this.#options;
    tell(`Webhook ${webhook.name}: ${type} of ${instance} was given up after ${this.#limits.attemptsMax} attempts.`);
    const last_parked = [{ id, type, instance, at, reason }, ...this.#memo.last_parked];
    return {
      ...this.#memo,
      parked: this.#memo.parked + 1,
      last_parked: last_parked.slice(0, WEBHOOK_PARKED_SHOWN_MAX),
    };
  }
}
