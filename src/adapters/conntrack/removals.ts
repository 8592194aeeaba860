import type { Clock } from '../../actors/contracts/clock.ts';
import type { AddressKey } from './addresses.ts';
import { type KernelTable, TableError } from './kernel-table.ts';
import { SharedDumps } from './shared-dumps.ts';

/**
 * Removes entries for everybody who asks, for several of them at once. Each says by when: whoever has given up waiting has
 * let a guest come up under the address, and what is removed then is a connection to that one, which nobody would know of
 * any more. Times are those of the wall clock, which the daemon and its collector share.
 */
export class Removals {
  readonly #clock: Clock;
  readonly #table: () => KernelTable;
  readonly #shared: SharedDumps;
  /** By when at the latest. */
  #asked = new Map<AddressKey, number>();

  constructor(clock: Clock, table: () => KernelTable) {
    this.#clock = clock;
    this.#table = table;
    this.#shared = new SharedDumps(clock, () => this.#remove());
  }

  async ask(addresses: readonly AddressKey[], before: number): Promise<void> {
    for (const address of addresses) this.#asked.set(address, Math.max(before, this.#asked.get(address) ?? before));
    await this.#shared.next();
    if (this.#clock.now() >= before) throw new TableError('entries were not removed in time');
  }

  async #remove(): Promise<void> {
    const asked = this.#asked;
    this.#asked = new Map();
    const isInTime = (address: AddressKey): boolean => this.#clock.now() < (asked.get(address) ?? 0);
    await this.#table().remove([...asked.keys()], isInTime);
  }
}
