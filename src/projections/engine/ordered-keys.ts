/** Keys in ascending order. Almost all arrive in order, so adding one at the end is what has to be cheap. */
export class OrderedKeys {
  readonly #keys: string[] = [];
  #sorted = true;

  add(key: string): void {
    const last = this.#keys.at(-1);
    if (last !== undefined && key < last) this.#sorted = false;
    this.#keys.push(key);
  }

  remove(key: string): void {
    const keys = this.inOrder();
    const at = firstAfter(keys, key) - 1;
    if (keys[at] === key) this.#keys.splice(at, 1);
  }

  inOrder(): readonly string[] {
    if (!this.#sorted) this.#keys.sort();
    this.#sorted = true;
    return this.#keys;
  }
}

/** Index of the first key after this one. */
export function firstAfter(keys: readonly string[], key: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]! <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}
