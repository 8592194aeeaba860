/** Who waits, the longest first: a list that is kept in order, so that a place in it is found without a look at the others. */

export interface InLine {
  readonly id: string;
  /** Epoch ms: since when it waits. */
  readonly since: number;
}

/** Two that began in the same instant keep one order for good, over every restart of the daemon. */
export function isBefore(one: InLine, other: InLine): boolean {
  return one.since === other.since ? one.id < other.id : one.since < other.since;
}

export class WaitingLine<Waiting extends InLine> {
  readonly #waiting: Waiting[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  all(): readonly Waiting[] {
    return [...this.#waiting];
  }

  first(): Waiting | undefined {
    return this.#waiting[0];
  }

  add(one: Waiting): void {
    const place = this.countBefore(one);
    this.#waiting.splice(place, this.#isAt(place, one) ? 1 : 0, one);
  }

  /** False when it did not wait here. */
  remove(one: InLine): boolean {
    const place = this.countBefore(one);
    if (!this.#isAt(place, one)) return false;
    this.#waiting.splice(place, 1);
    return true;
  }

  /** How many wait longer. */
  countBefore(one: InLine): number {
    let [low, high] = [0, this.#waiting.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.#waiting[middle]!, one)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isAt(place: number, one: InLine): boolean {
    return this.#waiting[place]?.id === one.id && this.#waiting[place]?.since === one.since;
  }
}
