import type { ExternalEvent, Unstamped } from '../../machines/events.ts';
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
import { type SnapshotTurn, SnapshotTurns } from './snapshot-turns.ts';
import { type InLine, isBefore, WaitingLine } from './waiting-line.ts';

/**
 * So many guests of a host are put away, or saved, at once, because each of them writes its memory to disk; the others wait
 * in line, the longest waiting first, while they run on. Who has a slot and who waits to be put away is a fold of the heads,
 * so that it outlives the daemon: after a pause in which every guest has become due they are still put away a few at a time.
 * A slot is free again when its guest sleeps, runs on or has ended. What an operator asks for waits for none, and counts.
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

export interface StandbySlotsOptions extends Pick<AdmissionOptions, 'clock'> {
  readonly atOnce: number;
  /** Puts a grant, or a minute whose turn has come, into the mailbox of an instance; `settled`: it has been dealt with. */
  readonly grant: (id: string, event: Unstamped<ExternalEvent>, settled: () => void) => void;
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
  readonly #turns: SnapshotTurns;
  /** Names of those that have snapshots taken by schedule. */
  readonly #names = new Map<string, string>();
  #open = false;

  constructor(options: StandbySlotsOptions) {
    this.#options = options;
    const { clock } = options;
    this.#turns = new SnapshotTurns({ clock, tooLate: ({ id, since }) => this.#tell(id, since, () => {}) });
  }

  /** Every head is known: from now on whoever is held may be let go. */
  open(): void {
    this.#open = true;
    this.letGo();
  }

  close(): void {
    this.#open = false;
    this.#turns.close();
  }

  /** What the newest record of an instance says. True when others may be let go now. */
  note(id: string, snapshot: Pick<ChartSnapshot, 'value' | 'context'>): boolean {
    const gaveUp = this.#queue(id, snapshot.context);
    const { definition } = snapshot.context;
    if (definition?.schedules?.snapshot === undefined) this.#names.delete(id);
    else this.#names.set(id, definition.name);
    const had = this.#taken.delete(id);
    const has = holdsStandbySlot(snapshot);
    if (has) this.#taken.add(id);
    return gaveUp || (had && !has);
  }

  /** True when others may be let go now. */
  forget(id: string): boolean {
    this.#names.delete(id);
    this.#turns.forget(id);
    return this.#leave(id) || this.#taken.delete(id);
  }

  /** A grant holds its slot until `settle`. */
  ask(id: string, run: number): Unstamped<AdmissionAnswer> {
    const { clock } = this.#options;
    const place = this.#waiting.get(id) ?? { id, since: clock.now() };
    const isFree = this.#has(id) || this.#isFree(place);
    // Whoever is told to wait keeps its place until its record says so.
    if (isFree) {
      this.#asking.remove(place);
      this.#promise(id);
      return { type: 'host.granted', run, purpose: 'standby' };
    }
    const retry_at = clock.now() + ADMISSION_RETRY_MS + this.#waiting.size * ADMISSION_RETRY_STAGGER_MS;
    return { type: 'host.held', run, purpose: 'standby', reason: 'standby_slots', retry_at };
  }

  /** A minute for which a snapshot of it is scheduled: it hears of it at once while there is a place for it, else in turn. */
  snapshotDue(id: string, minute: number): void {
    const turn = { id, since: minute, name: this.#names.get(id) ?? id };
    if (this.#open && (this.#has(id) || this.#isFree(turn))) this.#save(turn);
    else this.#turns.add(turn);
  }

  /** A grant was used (the record is folded) or came too late: either way what was promised for it is void. */
  settle(id: string): void {
    this.#release(id);
    const waiting = this.#waiting.get(id);
    // Whoever is held still could not take it (the log is full): it asks again by its timer, not over and over.
    if (waiting === undefined || waiting.reason === null) this.letGo();
    else this.#held.add(waiting);
  }

  letGo(): void {
    for (let next = this.#next(); this.#open && next !== undefined; next = this.#next()) {
      if (!('run' in next)) {
        this.#turns.remove(next);
        this.#save(next);
        continue;
      }
      const { id, run } = next;
      this.#held.remove(next);
      this.#promise(id);
      this.#options.grant(id, { type: 'host.granted', run, purpose: 'standby' }, () => this.settle(id));
    }
  }

  use(): ResourceUse {
    return { used: this.#used(), limit: this.#options.atOnce };
  }

  /** In the order in which they are let go: those that wait to be put away, then scheduled snapshots. */
  held(): HeldInstance[] {
    const standbys = [...this.#waiting.values()]
      .sort((one, other) => (isBefore(one, other) ? -1 : 1))
      .flatMap(({ id, name, reason, retry_at }) =>
        reason === null ? [] : [{ id, name, purpose: 'standby' as const, reason, retry_at }],
      );
    return [...standbys, ...this.#turns.held()];
  }

  /** Its place is held until it has dealt with the minute: it is being saved then, or nothing comes of it. */
  #save({ id, since }: InLine): void {
    this.#promise(id);
    this.#tell(id, since, () => {
      this.#release(id);
      this.letGo();
    });
  }

  #tell(id: string, minute: number, settled: () => void): void {
    this.#options.grant(id, { type: 'schedule.due', schedule: 'snapshot', minute }, settled);
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

  #isFree(place: InLine): boolean {
    const longer = [this.#asking, this.#held, this.#turns].map((line) => line.countBefore(place));
    return this.#free() > longer.reduce((sum, count) => sum + count, 0);
  }

  #release(id: string): void {
    const promised = this.#promised.get(id) ?? 0;
    if (promised > 1) this.#promised.set(id, promised - 1);
    else this.#promised.delete(id);
  }

  #promise(id: string): void {
    this.#promised.set(id, (this.#promised.get(id) ?? 0) + 1);
  }

  #has(id: string): boolean {
    return this.#taken.has(id) || this.#promised.has(id);
  }

  /** Who has waited longest of those that wait for a place, if there is one: what whoever asks has waited for longer is not its. */
  #next(): Waiting | SnapshotTurn | undefined {
    const [held, turn] = [this.#held.first(), this.#turns.first()];
    const first = held === undefined || (turn !== undefined && isBefore(turn, held)) ? turn : held;
    return first !== undefined && this.#free() > this.#asking.countBefore(first) ? first : undefined;
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
