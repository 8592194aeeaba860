/**
 * What is due next, of many that are each due once: a binary heap whose items know their place, so that one whose
 * instant changes is moved and one that ends is taken out.
 */

export interface Due {
  /** By the clock of whoever owns the heap. Changed by the heap alone while the item is in it. */
  dueAt: number;
  /** Where it stands in the heap; -1 outside of it. */
  place: number;
}

export class DueHeap<Item extends Due> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  first(): Item | undefined {
    return this.#items[0];
  }

  /** Puts it in, or moves it when it is there already. */
  put(item: Item, dueAt: number): void {
    item.dueAt = dueAt;
    if (item.place < 0) item.place = this.#items.push(item) - 1;
    this.#settle(item);
  }

  remove(item: Item): void {
    const { place } = item;
    if (place < 0) return;
    const last = this.#items.pop()!;
    item.place = -1;
    if (last === item) return;
    last.place = place;
    this.#items[place] = last;
    this.#settle(last);
  }

  /** Drops all others. */
  keepOnly(isKept: (item: Item) => boolean): void {
    const items = [...this.#items];
    this.clear();
    for (const item of items) if (isKept(item)) this.put(item, item.dueAt);
  }

  clear(): void {
    for (const item of this.#items) item.place = -1;
    this.#items.length = 0;
  }

  #settle(item: Item): void {
    this.#up(item);
    this.#down(item);
  }

  #up(item: Item): void {
    const items = this.#items;
    let { place } = item;
    while (place > 0) {
      const parent = items[(place - 1) >> 1]!;
      if (parent.dueAt <= item.dueAt) break;
      this.#set(parent, place);
      place = (place - 1) >> 1;
    }
    this.#set(item, place);
  }

  #down(item: Item): void {
    const items = this.#items;
    let { place } = item;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]!.dueAt < items[child]!.dueAt) child += 1;
      if (items[child]!.dueAt >= item.dueAt) break;
      this.#set(items[child]!, place);
      place = child;
    }
    this.#set(item, place);
  }

  #set(item: Item, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}
