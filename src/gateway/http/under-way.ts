import type { FastifyReply } from 'fastify';
import type { Clock } from '../../actors/contracts/clock.ts';

/** How long a door that closes waits for answers under way. */
export const ANSWERS_WAIT_MAX_MS = 5_000;

/** Requests that have come in and are not answered yet. */
export class UnderWay {
  readonly #requests = new Set<AbortController>();
  #onNone: (() => void) | null = null;

  /** Fires when the connection ends: before the answer is out, nobody waits for it any more. */
  begin(reply: FastifyReply): AbortSignal {
    const gone = new AbortController();
    this.#requests.add(gone);
    reply.raw.once('close', () => {
      this.#requests.delete(gone);
      gone.abort();
      if (this.#requests.size === 0) this.#onNone?.();
    });
    return gone.signal;
  }

  /** Ends waiting for outcomes, so that every caller is answered now; resolves when they are, or after a while. */
  async finish(clock: Clock): Promise<void> {
    for (const request of this.#requests) request.abort();
    if (this.#requests.size === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(ANSWERS_WAIT_MAX_MS, resolve);
      this.#onNone = () => {
        cancel();
        resolve();
      };
    });
  }
}
