import type { Clock } from '../../actors/contracts/clock.ts';

/** How long one part may take to end; its neighbours wait no longer for it. */
export const PART_CLOSE_MAX_MS = 10_000;

interface Part {
  readonly name: string;
  readonly close: () => Promise<unknown>;
}

/** Ends what was opened, newest first; one that fails or hangs does not keep the others open. */
export class Closers {
  readonly #parts: Part[] = [];
  readonly #clock: Clock;
  readonly #report: (problem: { part: string; error: unknown }) => void;

  constructor(clock: Clock, report: (problem: { part: string; error: unknown }) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  add(close: () => Promise<unknown>, name = 'a part of the daemon'): void {
    this.#parts.push({ name, close });
  }

  async closeAll(): Promise<void> {
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) await this.#closeOne(part);
  }

  async #closeOne({ name, close }: Part): Promise<void> {
    const ended = new AbortController();
    const late = this.#clock.sleep(PART_CLOSE_MAX_MS, ended.signal).then((elapsed) => {
      if (elapsed) throw new Error(`It has not ended within ${PART_CLOSE_MAX_MS} ms.`);
    });
    try {
      await Promise.race([close(), late]);
    } catch (error) {
      this.#report({ part: name, error });
    } finally {
      ended.abort();
    }
  }
}
