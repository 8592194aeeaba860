import type { HeldReason, Purpose, Unstamped } from '../../machines/events.ts';
import { type Demand, demandOf } from '../../machines/occupancy.ts';
import { stateOf } from '../../machines/public-states.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import type { Capacity, ResourceUse } from './capacity.ts';
import type { Clock } from './contracts/clock.ts';
import type { AdmissionAnswer } from './effect-operations.ts';

/**
 * Lets automatic starts onto the host as far as it has room, the longest held first. Who is held, and which boots after
 * a reboot are under way, is a fold of the heads; only promises for answers under way are kept besides.
 */

/** Boots after a reboot of the host that may be under way at once, unless told otherwise. */
export const BOOTS_AT_ONCE_DEFAULT = 4;

/** Whoever is held is let go as soon as there is room; this is when it asks again if nobody lets it go. */
export const ADMISSION_RETRY_MS = 600_000;
/** Later ones ask again later, so that thousands do not ask in one moment. */
export const ADMISSION_RETRY_STAGGER_MS = 20;

/** An instance that waits for the host to have room. */
export interface HeldInstance {
  readonly id: string;
  readonly name: string;
  readonly purpose: Purpose;
  readonly reason: HeldReason;
  /** Epoch ms. */
  readonly retry_at: number;
}

/** Has asked and was not granted; while it asks again it has no reason, and keeps its place. */
interface Waiting extends Omit<HeldInstance, 'reason'> {
  readonly reason: HeldReason | null;
  readonly since: number;
  readonly run: number;
  readonly demand: Demand;
}

export interface AdmissionOptions {
  readonly capacity: Capacity;
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

type Line = Map<string, Waiting>;

export class Admission {
  readonly #options: AdmissionOptions;
  /** In the order in which they first asked; those that come back after a reboot of the host apart from the others. */
  #spread: Line = new Map();
  #others: Line = new Map();
  /** A grant is on its way to them, unasked. */
  readonly #offered = new Set<string>();
  /** Boots after a reboot that are under way, and those that are promised. */
  readonly #booting = new Set<string>();
  readonly #starting = new Map<string, number>();
  #open = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Every head is known: from now on whoever is held may be let go. */
  open(): void {
    this.#open = true;
    this.#spread = byAge(this.#spread);
    this.#others = byAge(this.#others);
    this.letGo();
  }

  /** What the newest record of an instance says. True when a place among the boots under way has become free. */
  note(id: string, { value, context }: Pick<ChartSnapshot, 'value' | 'context'>): boolean {
    const { run } = context;
    this.#queue(id, context);
    const booted = this.#booting.delete(id);
    // Nobody ends a boot that somebody looks into: it may last for ever, and the others do not wait for it.
    const ignored = context.intent.wanted === 'ignore';
    const boots = stateOf(value, 'lifecycle') === 'booting' && run.cause === 'host_reboot' && !ignored;
    if (boots) this.#booting.add(id);
    return booted && !boots;
  }

  forget(id: string): void {
    this.#spread.delete(id);
    this.#others.delete(id);
    this.#booting.delete(id);
  }

  /** A grant holds its room until `settle`. */
  ask(asking: Asking): Unstamped<AdmissionAnswer> {
    const { run, purpose } = asking;
    const reason = this.#promise(asking);
    if (reason === null) return { type: 'host.granted', run, purpose };
    const stagger = (this.#spread.size + this.#others.size) * ADMISSION_RETRY_STAGGER_MS;
    const retry_at = this.#options.clock.now() + ADMISSION_RETRY_MS + stagger;
    return { type: 'host.held', run, purpose, reason, retry_at };
  }

  /** A grant was used (the record is folded) or came too late: either way what was promised for it is void. */
  settle(id: string): void {
    this.#options.capacity.settle(id);
    const promised = this.#starting.get(id) ?? 0;
    if (promised > 1) this.#starting.set(id, promised - 1);
    else this.#starting.delete(id);
    this.#offered.delete(id);
    // Whoever is held still could not take it (the log is full): it asks again by its timer, not over and over.
    const waiting = this.#spread.get(id) ?? this.#others.get(id);
    if (waiting === undefined || waiting.reason === null) this.letGo();
  }

  /** Offers what there is to those that are held, in their order; who needs more than there is does not stop the others. */
  letGo(): void {
    if (!this.#open) return;
    for (const { id, run, purpose, reason, demand } of this.#inOrder()) {
      if (reason === null || this.#offered.has(id) || this.#promise({ id, purpose, demand }) !== null) continue;
      this.#offered.add(id);
      this.#options.grant(id, { type: 'host.granted', run, purpose }, () => this.settle(id));
    }
  }

  boots(): ResourceUse {
    return { used: this.#boots(), limit: this.#options.bootsAtOnce };
  }

  held(): HeldInstance[] {
    return [...byAge(new Map([...this.#spread, ...this.#others])).values()].flatMap((waiting) => {
      const { id, name, purpose, reason, retry_at } = waiting;
      return reason === null ? [] : [{ id, name, purpose, reason, retry_at }];
    });
  }

  /** An admission keeps its place from the first question to its end; a new one begins at the end of the line. */
  #queue(id: string, context: ChartSnapshot['context']): void {
    const { admission, definition, run } = context;
    const line = admission?.purpose === 'host_reboot' ? this.#spread : this.#others;
    const known = line.get(id);
    if (admission === null || definition === null || known?.since !== admission.since) {
      this.#spread.delete(id);
      this.#others.delete(id);
    }
    if (admission === null || definition === null) return;
    const { purpose, since, reason, retry_at } = admission;
    const about = { id, name: definition.name, purpose, since, reason, retry_at: retry_at ?? 0 };
    line.set(id, { ...about, run: run.number, demand: demandOf(context) });
  }

  /** Both lines as one, the oldest first. With every place among the boots taken the one behind it is not looked at. */
  *#inOrder(): Generator<Waiting> {
    const [spread, others] = [this.#spread.values(), this.#others.values()];
    let [first, other] = [spread.next(), others.next()];
    while (!first.done || !other.done) {
      if (!first.done && this.#boots() >= this.#options.bootsAtOnce) first = { done: true, value: undefined };
      else if (!first.done && (other.done || first.value.since <= other.value.since)) {
        yield first.value;
        first = spread.next();
      } else if (!other.done) {
        yield other.value;
        other = others.next();
      }
    }
  }

  #promise({ id, purpose, demand }: Omit<Asking, 'run'>): HeldReason | null {
    const spread = purpose === 'host_reboot';
    const counted = this.#booting.has(id) || this.#starting.has(id);
    if (spread && !counted && this.#boots() >= this.#options.bootsAtOnce) return 'spread';
    const lacking = this.#options.capacity.promise(id, demand);
    if (lacking === null && spread) this.#starting.set(id, (this.#starting.get(id) ?? 0) + 1);
    return lacking;
  }

  #boots(): number {
    let used = this.#booting.size;
    for (const id of this.#starting.keys()) if (!this.#booting.has(id)) used += 1;
    return used;
  }
}

/** Heads are met in no particular order. */
function byAge(line: Line): Line {
  return new Map([...line].sort(([, one], [, other]) => one.since - other.since));
}
