import type { Position } from '../../actors/contracts/log.ts';
import { OrderedKeys } from './ordered-keys.ts';
import type { Projection, Recorded, RowListener, Rows } from './projection.ts';

/** The rows of one projection: the running ones, or those of a rebuild beside them. */
export class RowTable<Row extends object> implements Rows<Row> {
  readonly #fold: Projection<Row, unknown>['fold'];
  readonly #keyOf: (recorded: Recorded) => string;
  readonly #listeners = new Set<RowListener<Row>>();
  #rows = new Map<string, Row>();
  #keys = new OrderedKeys();
  #position: Position = '';
  #complete: boolean;

  constructor(projection: Projection<Row, unknown>, complete: boolean) {
    this.#fold = projection.fold;
    this.#keyOf = projection.keyOf ?? (({ record }) => record.stream);
    this.#complete = complete;
  }

  /** When the fold throws, `park` is told why; the row is as it was, and the position has been passed all the same. */
  take(recorded: Recorded, park: (error: unknown) => void): void {
    if (recorded.position > this.#position) this.#position = recorded.position;
    let before: Row | undefined;
    let after: Row | undefined;
    try {
      const key = this.#keyOf(recorded);
      before = this.#rows.get(key);
      after = this.#fold(before, recorded);
      if (after !== before) this.#put(key, before, after);
    } catch (error) {
      park(error);
      return;
    }
    for (const listener of this.#listeners) listener(recorded, after, before);
  }

  /** Has from now on the rows of that table, which is not used any more. Whoever watches goes on watching. */
  become(other: RowTable<Row>): void {
    this.#rows = other.#rows;
    this.#keys = other.#keys;
    if (other.#position > this.#position) this.#position = other.#position;
    this.#complete = true;
  }

  complete(): boolean {
    return this.#complete;
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  values(): Iterable<Row> {
    return this.#rows.values();
  }

  keys(): readonly string[] {
    return this.#keys.inOrder();
  }

  position(): Position {
    return this.#position;
  }

  watch(listener: RowListener<Row>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #put(key: string, before: Row | undefined, after: Row | undefined): void {
    if (after === undefined) {
      this.#rows.delete(key);
      this.#keys.remove(key);
      return;
    }
    if (before === undefined) this.#keys.add(key);
    this.#rows.set(key, after);
  }
}
