import type { Clock } from '../../actors/contracts/clock.ts';

interface Asking {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Reads the table for everybody who asked before a reading began, one reading at a time. */
export class SharedDumps {
  readonly #clock: Clock;
  readonly #read: () => Promise<void>;
  #asking: Asking[] = [];
  #reading = false;

  constructor(clock: Clock, read: () => Promise<void>) {
    this.#clock = clock;
    this.#read = read;
  }

  /** Resolves when a reading that began after this call has succeeded; fails when that one failed. */
  next(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#asking.push({ resolve, reject });
    if (!this.#reading) void this.#readOn();
    return promise;
  }

  async #readOn(): Promise<void> {
    this.#reading = true;
    while (this.#asking.length > 0) {
      // Whoever asks in the same moment is served by the same reading.
      await this.#clock.turn();
      const served = this.#asking;
      this.#asking = [];
      const failure = await this.#read().then(
        () => null,
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      );
      for (const { resolve, reject } of served) {
        if (failure === null) resolve();
        else reject(failure);
      }
    }
    this.#reading = false;
  }
}
