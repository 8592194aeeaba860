import type { Unstamped } from '../../machines/events.ts';
import { holdsStandbySlot } from '../../machines/occupancy.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import {
  ADMISSION_RETRY_MS,
  ADMISSION_RETRY_STAGGER_MS,
  type AdmissionOptions,
  type HeldInstance,
} from './admission.ts';
import type { ResourceUse } from './capacity.ts';
import type { AdmissionAnswer } from './effect-operations.ts';
import { isBefore, WaitingLine } from './waiting-line.ts';

/**
 * So many guests of a host are put away at once, because each of them writes its memory to disk; the others wait in
 * line, the longest waiting first, while they run on. Who has a slot and who waits is a fold of the heads, so that it
 * outlives the daemon: after a pause in which every guest has become due they are still put away a few at a time. A
 * slot is free again when its guest sleeps, runs on or has ended. An operator's standby waits for none, and counts.
 */

/** Guests that may be put away at once, unless told otherwise. */
export const STANDBY_AT_ONCE_DEFAULT = 16;
export const STANDBY_AT_ONCE_MAX = 1_024;

interface Waiting {
  readonly id: string;
  readonly name: string;
  readonly run: number;
  readonly since: number;
  /** Null while it asks. */
  readonly reason: HeldInstance['reason'] | null;
  readonly retry_at: number;
}

export interface StandbySlotsOptions extends Pick<AdmissionOptions, 'clock' | 'grant'> {
  readonly atOnce: number;
}

export class StandbySlots {
  readonly #options: StandbySlotsOptions;
  readonly #taken = new Set<string>();
  /** Grants under way, by instance: it takes its slot once. */
  readonly #promised = new Map<string, number>();
  readonly #waiting = new Map<string, Waiting>();
  /** Those that are held, and whom no grant is on its way to. */
  readonly #held = new WaitingLine<Waiting>();
  /** Those whose question is not answered yet: what they have waited for longest is not given to others meanwhile. */
  readonly #asking = new WaitingLine<Waiting>();
  #open = false;

  constructor(options: StandbySlotsOptions) {
    this.#options = options;
  }

  /** Every head is known: from now on whoever is held may be let go. */
  open(): void {
    this.#open = true;
    this.letGo();
  }

  close(): void {
    this.#open = false;
  }

  /** What the newest record of an instance says. True when others may be let go now. */
  note(id: string, snapshot: Pick<ChartSnapshot, 'value' | 'context'>): boolean {
    const gaveUp = this.#queue(id, snapshot.context);
    const had = this.#taken.delete(id);
    const has = holdsStandbySlot(snapshot);
    if (has) this.#taken.add(id);
    return gaveUp || (had && !has);
  }

  /** True when others may be let go now. */
  forget(id: string): boolean {
    return this.#leave(id) || this.#taken.delete(id);
  }

  /** A grant holds its slot until `settle`. */
  ask(id: string, run: number): Unstamped<AdmissionAnswer> {
    const { clock } = this.#options;
    const place = this.#waiting.get(id) ?? { id, since: clock.now() };
    const isFree = this.#has(id) || this.#free() > this.#asking.countBefore(place) + this.#held.countBefore(place);
    // Whoever is told to wait keeps its place until its record says so.
    if (isFree) {
      this.#asking.remove(place);
      this.#promise(id);
      return { type: 'host.granted', run, purpose: 'standby' };
    }
    const retry_at = clock.now() + ADMISSION_RETRY_MS + this.#waiting.size * ADMISSION_RETRY_STAGGER_MS;
    return { type: 'host.held', run, purpose: 'standby', reason: 'standby_slots', retry_at };
  }

  /** A grant was used (the record is folded) or came too late: either way what was promised for it is void. */
  settle(id: string): void {
    const promised = this.#promised.get(id) ?? 0;
    if (promised > 1) this.#promised.set(id, promised - 1);
    else this.#promised.delete(id);
    const waiting = this.#waiting.get(id);
    // Whoever is held still could not take it (the log is full): it asks again by its timer, not over and over.
    if (waiting === undefined || waiting.reason === null) this.letGo();
    else this.#held.add(waiting);
  }

  letGo(): void {
    if (!this.#open) return;
    for (let first = this.#held.first(); first !== undefined && this.#isNext(first); first = this.#held.first()) {
      const { id, run } = first;
      this.#held.remove(first);
      this.#promise(id);
      this.#options.grant(id, { type: 'host.granted', run, purpose: 'standby' }, () => this.settle(id));
    }
  }

  use(): ResourceUse {
    return { used: this.#used(), limit: this.#options.atOnce };
  }

  /** In the order in which they are let go. */
  held(): HeldInstance[] {
    return [...this.#waiting.values()]
      .sort((one, other) => (isBefore(one, other) ? -1 : 1))
      .flatMap(({ id, name, reason, retry_at }) =>
        reason === null ? [] : [{ id, name, purpose: 'standby' as const, reason, retry_at }],
      );
  }

  /** It keeps its place from the first question to its end. True when one that waited, or asked, does not any more. */
  #queue(id: string, { standby, definition, run }: ChartSnapshot['context']): boolean {
    const asked = this.#waiting.get(id)?.reason === null;
    const waited = this.#leave(id);
    if (standby.slot === null || definition === null) return waited;
    const { since, reason, retry_at } = standby.slot;
    const waiting = { id, name: definition.name, run: run.number, since, reason, retry_at: retry_at ?? 0 };
    this.#waiting.set(id, waiting);
    if (reason !== null) this.#held.add(waiting);
    else this.#asking.add(waiting);
    return asked && reason !== null;
  }

  #leave(id: string): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return false;
    this.#waiting.delete(id);
    this.#held.remove(waiting);
    this.#asking.remove(waiting);
    return true;
  }

  #promise(id: string): void {
    this.#promised.set(id, (this.#promised.get(id) ?? 0) + 1);
  }

  #has(id: string): boolean {
    return this.#taken.has(id) || this.#promised.has(id);
  }

  /** What whoever asks has waited for longer is not its. */
  #isNext(first: Waiting): boolean {
    return this.#free() > this.#asking.countBefore(first);
  }

  #free(): number {
    return this.#options.atOnce - this.#used();
  }

  #used(): number {
    let used = this.#taken.size;
    for (const id of this.#promised.keys()) if (!this.#taken.has(id)) used += 1;
    return used;
  }
}
