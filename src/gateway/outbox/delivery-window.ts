import type { Position } from '../../actors/contracts/log.ts';
import type { Delivery } from './destination.ts';

/**
 * Deliveries on their way, settled in the order in which they began: one that is there does not count before all those
 * before it are there too. The first failure ends it all.
 */
export class DeliveryWindow {
  readonly #most: number;
  readonly #onDelivered: (position: Position, delivery: Delivery) => void;
  readonly #onFailure: () => void;
  #underWay = 0;
  #chain: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | null = null;
  readonly #givenUp = Promise.withResolvers<void>();
  #wake = (): void => {};

  constructor(most: number, onDelivered: (position: Position, delivery: Delivery) => void, onFailure: () => void) {
    this.#most = most;
    this.#onDelivered = onDelivered;
    this.#onFailure = onFailure;
  }

  add(position: Position, delivery: Promise<Delivery>): void {
    this.#underWay += 1;
    // It is looked at in its turn, which may be long after it has failed.
    delivery.catch(() => {});
    this.#chain = this.#chain.then(async () => {
      try {
        const delivered = await delivery;
        if (this.#failure === null) this.#onDelivered(position, delivered);
      } catch (error) {
        this.#fail(error);
      }
      this.#underWay -= 1;
      this.#wake();
    });
  }

  /** Resolves when another one may begin. */
  async room(): Promise<void> {
    while (this.#underWay >= this.#most && this.#failure === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Nobody waits any more for what is under way. */
  giveUp(): void {
    this.#fail(new Error('given up'));
    this.#givenUp.resolve();
    this.#wake();
  }

  /** Resolves when none is under way any more, or it was given up; throws the first failure. */
  async settled(): Promise<void> {
    await Promise.race([this.#chain, this.#givenUp.promise]);
    if (this.#failure !== null) throw this.#failure.error;
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = { error };
    this.#onFailure();
  }
}
