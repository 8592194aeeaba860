import type { HeldReason, Purpose, Unstamped } from '../../machines/events.ts';
import { type Demand, demandOf, holdsBootSlot } from '../../machines/occupancy.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import type { Capacity, ResourceUse } from './capacity.ts';
import type { CancelTimer, Clock } from './contracts/clock.ts';
import type { AdmissionAnswer } from './effect-operations.ts';
import type { RestartBudget } from './restart-budget.ts';
import { isBefore, WaitingLine } from './waiting-line.ts';

/**
 * Lets automatic starts onto the host as far as it has room and its restart budget lasts, the longest held first. Who
 * is held, and which boots after a reboot are under way, is a fold of the heads; only promises for answers under way
 * are kept besides.
 */

/** Boots after a reboot of the host that may be under way at once, unless told otherwise. */
export const BOOTS_AT_ONCE_DEFAULT = 4;

/** Whoever is held is let go as soon as there is room; this is when it asks again if nobody lets it go. */
export const ADMISSION_RETRY_MS = 600_000;
/** Later ones ask again later, so that thousands do not ask in one moment. */
export const ADMISSION_RETRY_STAGGER_MS = 20;
/** Whoever waits for the budget asks again so long after its turn should have come by itself. */
export const BUDGET_RETRY_SLACK_MS = 1_000;

/** An instance that waits for the host to have room. */
export interface HeldInstance {
  readonly id: string;
  readonly name: string;
  /** `snapshot`: one that is scheduled. */
  readonly purpose: Purpose | 'snapshot';
  readonly reason: HeldReason;
  /** Epoch ms. */
  readonly retry_at: number;
}

/** Has asked and was not granted; while it asks again it has no reason, and keeps its place. */
interface Waiting extends Omit<HeldInstance, 'reason' | 'purpose'> {
  readonly purpose: Purpose;
  readonly reason: HeldReason | null;
  readonly since: number;
  readonly run: number;
  readonly demand: Demand;
  /** Those of one line need the same: when there is no room for its first there is none for the others. */
  readonly line: string;
}

export interface AdmissionOptions {
  readonly capacity: Capacity;
  readonly budget: RestartBudget;
  readonly clock: Clock;
  readonly bootsAtOnce: number;
  /** Puts a grant into the mailbox of an instance that is held; `settled` is called once it has been dealt with. */
  readonly grant: (id: string, event: Unstamped<AdmissionAnswer>, settled: () => void) => void;
}

interface Asking {
  readonly id: string;
  readonly run: number;
  readonly purpose: Purpose;
  readonly demand: Demand;
}

export class Admission {
  readonly #options: AdmissionOptions;
  /** All that have asked and were not granted. */
  readonly #waiting = new Map<string, Waiting>();
  /** Those that are held, and whom no grant is on its way to. */
  readonly #lines = new Map<string, WaitingLine<Waiting>>();
  /** Those whose restart is not answered yet: what they have waited for longest is not given to others meanwhile. */
  readonly #asking = new WaitingLine<Waiting>();
  /** Boots after a reboot that are under way, and those that are promised. */
  readonly #booting = new Set<string>();
  readonly #starting = new Map<string, number>();
  #cancelTurn: CancelTimer | null = null;
  #open = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Every head is known: from now on whoever is held may be let go. */
  open(): void {
    this.#open = true;
    this.letGo();
  }

  close(): void {
    this.#open = false;
    this.#cancelTurn?.();
    this.#cancelTurn = null;
  }

  /** What the newest record of an instance says. True when others may be let go now. */
  note(id: string, snapshot: Pick<ChartSnapshot, 'value' | 'context'>): boolean {
    const gaveUp = this.#queue(id, snapshot.context);
    const booted = this.#booting.delete(id);
    const boots = holdsBootSlot(snapshot);
    if (boots) this.#booting.add(id);
    return gaveUp || (booted && !boots);
  }

  forget(id: string): void {
    this.#leave(id);
    this.#booting.delete(id);
  }

  /** A grant holds its room until `settle`. */
  ask(asking: Asking): Unstamped<AdmissionAnswer> {
    const { id, run, purpose } = asking;
    const { budget, clock } = this.#options;
    const place = this.#waiting.get(id) ?? { ...asking, since: clock.now() };
    const counted = isCounted(purpose) && budget.limit !== null;
    // What has become free since the last look belongs to those that have waited longer.
    if (counted) this.letGo();
    const reason = this.#promise({ ...place, ...asking });
    if (this.#asking.remove(place) && reason !== null && counted) this.letGo();
    if (reason === null) return { type: 'host.granted', run, purpose };
    return { type: 'host.held', run, purpose, reason, retry_at: clock.now() + this.#retryInMs(reason, place) };
  }

  /** A grant was used (the record is folded) or came too late: either way what was promised for it is void. */
  settle(id: string): void {
    this.#options.capacity.settle(id);
    this.#options.budget.settle(id);
    const promised = this.#starting.get(id) ?? 0;
    if (promised > 1) this.#starting.set(id, promised - 1);
    else this.#starting.delete(id);
    const waiting = this.#waiting.get(id);
    // Whoever is held still could not take it (the log is full): it asks again by its timer, not over and over.
    if (waiting === undefined || waiting.reason === null) this.letGo();
    else this.#lineOf(waiting).add(waiting);
  }

  /** Offers what there is to those that are held, in their order; who needs more than there is does not stop the others. */
  letGo(): void {
    if (!this.#open) return;
    const firsts = new WaitingLine<Waiting>();
    for (const line of this.#lines.values()) addFirst(firsts, line);
    for (let waiting = firsts.first(); waiting !== undefined; waiting = firsts.first()) {
      firsts.remove(waiting);
      const { id, run, purpose } = waiting;
      if (this.#promise(waiting) !== null) continue;
      const line = this.#lineOf(waiting);
      line.remove(waiting);
      addFirst(firsts, line);
      this.#options.grant(id, { type: 'host.granted', run, purpose }, () => this.settle(id));
    }
    this.#armTurn();
  }

  boots(): ResourceUse {
    return { used: this.#boots(), limit: this.#options.bootsAtOnce };
  }

  held(): HeldInstance[] {
    return [...this.#waiting.values()]
      .sort((one, other) => (isBefore(one, other) ? -1 : 1))
      .flatMap(({ id, name, purpose, reason, retry_at }) =>
        reason === null ? [] : [{ id, name, purpose, reason, retry_at }],
      );
  }

  /** An admission keeps its place from the first question to its end. True when one that asked does not any more. */
  #queue(id: string, context: ChartSnapshot['context']): boolean {
    const { admission, definition, run } = context;
    const asked = this.#leave(id);
    if (admission === null || definition === null) return asked;
    const { purpose, since, reason, retry_at } = admission;
    const demand = demandOf(context);
    const line = [purpose, ...Object.values(demand), context.snapshot !== null].join(' ');
    const about = { id, name: definition.name, purpose, since, reason, retry_at: retry_at ?? 0 };
    const waiting = { ...about, run: run.number, demand, line };
    this.#waiting.set(id, waiting);
    if (reason === null && isCounted(purpose)) this.#asking.add(waiting);
    if (reason !== null) {
      this.#lineOf(waiting).add(waiting);
      this.#armTurn();
    }
    return asked && reason !== null;
  }

  #leave(id: string): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return false;
    this.#waiting.delete(id);
    const line = this.#lines.get(waiting.line);
    line?.remove(waiting);
    if (line?.size === 0) this.#lines.delete(waiting.line);
    return this.#asking.remove(waiting);
  }

  #lineOf({ line }: Waiting): WaitingLine<Waiting> {
    const known = this.#lines.get(line) ?? new WaitingLine<Waiting>();
    this.#lines.set(line, known);
    return known;
  }

  #promise(waiting: Omit<Asking, 'run'> & { readonly since: number }): HeldReason | null {
    const { id, purpose, demand } = waiting;
    const { budget, capacity, bootsAtOnce } = this.#options;
    const spread = purpose === 'host_reboot';
    const counted = this.#booting.has(id) || this.#starting.has(id);
    if (spread && !counted && this.#boots() >= bootsAtOnce) return 'spread';
    if (isCounted(purpose) && !this.#isInBudget(waiting)) return 'restart_budget';
    const lacking = capacity.promise(id, demand);
    if (lacking !== null) return lacking;
    if (spread) this.#starting.set(id, (this.#starting.get(id) ?? 0) + 1);
    if (isCounted(purpose)) budget.promise(id);
    return null;
  }

  /** Whoever asks and has waited longer may yet take one. */
  #isInBudget(waiting: { readonly id: string; readonly since: number }): boolean {
    const { budget } = this.#options;
    if (budget.limit === null || budget.isPromised(waiting.id)) return true;
    return budget.free() > this.#asking.countBefore(waiting);
  }

  /** When it asks again if nobody lets it go before. */
  #retryInMs(reason: HeldReason, place: { readonly id: string; readonly since: number }): number {
    if (reason !== 'restart_budget') return ADMISSION_RETRY_MS + this.#waiting.size * ADMISSION_RETRY_STAGGER_MS;
    let ahead = this.#asking.countBefore(place);
    for (const line of this.#lines.values()) {
      if (isCounted(line.first()?.purpose)) ahead += line.countBefore(place);
    }
    return Math.ceil(this.#options.budget.turnInMs(ahead)) + BUDGET_RETRY_SLACK_MS;
  }

  /** Looks again at those that are held when the budget has room again. */
  #armTurn(): void {
    const { budget, clock } = this.#options;
    if (!this.#open || this.#cancelTurn !== null || budget.free() > 0) return;
    if (![...this.#lines.values()].some((line) => isCounted(line.first()?.purpose))) return;
    this.#cancelTurn = clock.after(Math.max(1, Math.ceil(budget.turnInMs(0))), () => {
      this.#cancelTurn = null;
      this.letGo();
    });
  }

  #boots(): number {
    let used = this.#booting.size;
    for (const id of this.#starting.keys()) if (!this.#booting.has(id)) used += 1;
    return used;
  }
}

/** Coming back after a reboot of the host is no restart, and those boots have a limit of their own; nor is waking up. */
function isCounted(purpose: Purpose | undefined): boolean {
  return purpose === 'restart_policy' || purpose === 'health';
}

function addFirst(firsts: WaitingLine<Waiting>, line: WaitingLine<Waiting>): void {
  const first = line.first();
  if (first !== undefined) firsts.add(first);
}
