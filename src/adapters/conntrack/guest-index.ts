import type { TrackedGuest } from '../../actors/contracts/activity.ts';
import type { AddressKey } from './addresses.ts';
import { WatchedGuest } from './watched-guest.ts';

/** The guests that are watched, by their addresses: an event costs one look-up, however many there are. */
export class GuestIndex {
  readonly #ignoredSources: readonly string[];
  readonly #byAddress = new Map<AddressKey, Set<WatchedGuest>>();
  readonly #all = new Set<WatchedGuest>();

  constructor(ignoredSources: readonly string[]) {
    this.#ignoredSources = ignoredSources;
  }

  get size(): number {
    return this.#all.size;
  }

  add(guest: TrackedGuest): WatchedGuest {
    const watched = new WatchedGuest(guest, this.#ignoredSources);
    this.#all.add(watched);
    for (const address of watched.addresses) {
      const there = this.#byAddress.get(address);
      if (there === undefined) this.#byAddress.set(address, new Set([watched]));
      else there.add(watched);
    }
    return watched;
  }

  remove(watched: WatchedGuest): void {
    this.#all.delete(watched);
    for (const address of watched.addresses) {
      const there = this.#byAddress.get(address);
      there?.delete(watched);
      if (there?.size === 0) this.#byAddress.delete(address);
    }
  }

  concerns(address: AddressKey): boolean {
    return this.#byAddress.has(address);
  }

  at(address: AddressKey): Iterable<WatchedGuest> {
    return this.#byAddress.get(address) ?? [];
  }

  all(): Iterable<WatchedGuest> {
    return this.#all;
  }
}
