import type { Attempt } from '../../machines/context.ts';
import type { Definition } from '../../machines/definition.ts';
import type { ExternalEvent, HostMode, Unstamped } from '../../machines/events.ts';
import type { Fact } from '../../machines/facts.ts';
import {
  type Demand,
  demandOf,
  hasOrAwaitsRun,
  NO_DEMAND,
  occupancyOf,
  savedRoomOf,
} from '../../machines/occupancy.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import { Admission, BOOTS_AT_ONCE_DEFAULT, type HeldInstance } from './admission.ts';
import { Capacity, type CapacityLimits, type ResourceUse } from './capacity.ts';
import type { Clock } from './contracts/clock.ts';
import type { Decided } from './decide.ts';
import type { AdmissionAnswer, AdmissionQuestion, ResultEvent } from './effect-operations.ts';
import { StatevisorError } from './errors.ts';
import type { HostAppended, HostStream } from './host-stream.ts';
import { RestartBudget, type RestartLimit } from './restart-budget.ts';
import { STANDBY_AT_ONCE_DEFAULT, StandbySlots } from './standby-slots.ts';
import type { CommandMeta } from './supervisor.ts';

/**
 * What holds for the whole host and for every instance on it: its mode and how much of it is taken. The rules about
 * one instance stay in its chart, which learns the mode by an event in its own stream.
 */

/** Instances that are told of a new mode side by side; all of their records share few syncs of the log. */
const TOLD_TOGETHER = 256;

/** Whoever sets the mode waits so long for the instances to be told; those that are not are told later. */
export const TELLING_WAIT_MAX_MS = 10_000;
/** Those that could not be told are told again so long afterwards, and then twice as long, up to the longest. */
export const TELL_AGAIN_FIRST_MS = 1_000;
export const TELL_AGAIN_LONGEST_MS = 60_000;

/** A mode that is durable. */
export interface HostChange extends HostAppended {
  /** Instances that do not know it yet: for them the one before still holds. */
  readonly untold: number;
}

export interface CapacityView {
  readonly memory_bytes: ResourceUse;
  readonly vcpus: ResourceUse;
  readonly disk_bytes: ResourceUse;
  /** Boots after a reboot of the host that are under way, and how many may be at once. */
  readonly boots: ResourceUse;
  /** Guests that are being put away, and how many may be at once. */
  readonly standbys: ResourceUse;
  /** Automatic restarts that count at the moment, of all instances together; null while they are not limited. */
  readonly restarts: RestartUse | null;
  /** In the order in which they are let go: those that wait to be started, then those that wait to be put away. */
  readonly held: readonly HeldInstance[];
}

export interface RestartUse {
  readonly used: number;
  readonly limit: number;
  /** The stretch of time that the limit is about. */
  readonly per_ms: number;
  /** Instances that are held back by it. */
  readonly waiting: number;
}

export interface HostLifeOptions {
  readonly stream: HostStream;
  readonly clock: Clock;
  readonly capacity?: CapacityLimits | undefined;
  readonly bootsAtOnce?: number | undefined;
  readonly standbyAtOnce?: number | undefined;
  readonly restartLimit?: RestartLimit | undefined;
  /** Whether what runs of an instance is known to it; at the start it is not. */
  readonly isSeen: (id: string) => boolean;
  /** Puts an event into the mailbox of an instance; `settled` is called once it has been dealt with. */
  readonly deliver: (id: string, event: Unstamped<ExternalEvent>, settled: () => void) => void;
}

/** Under which its named snapshots are counted, beside its run or its sleep. */
const savedBy = (id: string): string => `${id}/snapshots`;

const diskOf = (snapshot: ChartSnapshot): number => occupancyOf(snapshot).disk_bytes + savedRoomOf(snapshot).disk_bytes;

export class HostLife {
  readonly #options: HostLifeOptions;
  readonly #capacity: Capacity;
  readonly #budget: RestartBudget;
  readonly #admission: Admission;
  readonly #slots: StandbySlots;
  /** The mode that each instance has a record of. */
  readonly #modes = new Map<string, HostMode>();
  /** Grants to instances that do not know yet what runs of them: a guest that has ended needs no restart for its health. */
  readonly #early = new Map<string, (() => void)[]>();
  #open = false;
  #telling: Promise<void> = Promise.resolve();
  #tellAgainMs = TELL_AGAIN_FIRST_MS;
  #cancelTelling = (): void => {};

  constructor(options: HostLifeOptions) {
    this.#options = options;
    this.#capacity = new Capacity(options.capacity);
    this.#budget = new RestartBudget(options.restartLimit ?? null, options.clock);
    const { clock } = options;
    const grant: HostLifeOptions['deliver'] = (...given) => this.#grant(...given);
    this.#admission = new Admission({
      capacity: this.#capacity,
      budget: this.#budget,
      clock,
      bootsAtOnce: options.bootsAtOnce ?? BOOTS_AT_ONCE_DEFAULT,
      grant,
    });
    this.#slots = new StandbySlots({ clock, atOnce: options.standbyAtOnce ?? STANDBY_AT_ONCE_DEFAULT, grant });
  }

  get mode(): HostMode {
    return this.#options.stream.mode;
  }

  /** Every head is known. */
  open(): void {
    this.#open = true;
    this.#admission.open();
    this.#slots.open();
  }

  close(): void {
    this.#open = false;
    this.#cancelTelling();
    this.#admission.close();
    this.#slots.close();
    this.#options.stream.close();
  }

  /** Durable first; then every instance is told, and the answer says how many could not be told yet. */
  async setMode(mode: HostMode, meta: CommandMeta): Promise<HostChange> {
    const before = this.#telling;
    const appended = await this.#options.stream.setMode(mode, meta);
    // The same mode once more: whoever does not know it is told now.
    if (this.#telling === before) this.modeFound();
    await this.#toldOrLate();
    return { ...appended, untold: this.#untold().length };
  }

  /** Another mode holds than the one that was told. Before the heads are known there is nobody to tell. */
  modeFound(): void {
    if (!this.#open) return;
    this.#tellAgainMs = TELL_AGAIN_FIRST_MS;
    this.#beginTelling();
  }

  /** Tells one instance what it does not know yet: a new one, or one that could not be told before. */
  tell(id: string, { context }: ChartSnapshot): void {
    if (context.host.mode !== this.mode && this.#mayBeTold(id)) this.#tell(id, () => {});
  }

  /** What runs of it is known to it now. */
  seen(id: string, snapshot: ChartSnapshot): void {
    this.tell(id, snapshot);
    for (const grant of this.#early.get(id) ?? []) grant();
    this.#early.delete(id);
  }

  /** Since when (epoch ms) restarts count towards the budget of the host; null when it has none. */
  restartsSince(): number | null {
    return this.#budget.since();
  }

  /** Restarts of an instance, dead or alive, from before this process began. */
  recallRestarts(attempts: readonly Pick<Attempt, 'at'>[]): void {
    this.#budget.recall(attempts);
  }

  /** What the newest record of an instance says about what it takes and waits for, and which facts are new in it. */
  note(id: string, snapshot: ChartSnapshot, facts: readonly Fact[] = []): void {
    for (const { type } of facts) if (type === 'restart.attempted') this.#budget.made(id);
    this.#modes.set(id, snapshot.context.host.mode);
    const fewer = this.#capacity.note(savedBy(id), savedRoomOf(snapshot));
    const less = this.#capacity.note(id, occupancyOf(snapshot)) || fewer;
    const others = this.#admission.note(id, snapshot);
    if (less || others) this.#admission.letGo();
    if (this.#slots.note(id, snapshot)) this.#slots.letGo();
  }

  /** Of an instance whose last record is not understood: it may have a run. */
  noteSetAside(id: string, definition: Definition): void {
    this.#capacity.note(id, demandOf({ definition }));
  }

  forget(id: string): void {
    this.#modes.delete(id);
    const fewer = this.#capacity.note(savedBy(id), NO_DEMAND);
    const less = this.#capacity.note(id, NO_DEMAND) || fewer;
    this.#admission.forget(id);
    if (less) this.#admission.letGo();
    if (this.#slots.forget(id)) this.#slots.letGo();
  }

  /** The answer to an automatic start or standby; a grant keeps its room until `settle`. */
  admit({ instance, run, purpose, definition }: AdmissionQuestion): Unstamped<AdmissionAnswer> {
    if (purpose === 'standby') return this.#slots.ask(instance, run);
    return this.#admission.ask({ id: instance, run, purpose, demand: demandOf({ definition }) });
  }

  /** A snapshot of it is scheduled for this minute. */
  readonly snapshotDue = (id: string, minute: number): void => this.#slots.snapshotDue(id, minute);

  /** The result of an effect has been dealt with: recorded, or dropped because it came too late. */
  settle(id: string, event: ResultEvent): void {
    if (event.type !== 'host.granted') return;
    if (event.purpose === 'standby') this.#slots.settle(id);
    else this.#admission.settle(id);
  }

  /**
   * Keeps room for the run, or the snapshot, that an accepted command brings about, until the command's record is durable
   * or refused. A host that is being drained takes on nothing new.
   */
  reserve(id: string, before: ChartSnapshot, { event, result }: Decided): () => void {
    const bringsRun = !hasOrAwaitsRun(before) && hasOrAwaitsRun(result.next);
    if (this.mode === 'draining' && (bringsRun || event.type === 'create')) {
      throw new StatevisorError('host_draining', 'The host is being drained: it takes on nothing new.', {
        details: { mode: this.mode, command: event.type },
      });
    }
    const wanted: [string, Demand][] = bringsRun ? [[id, occupancyOf(result.next)]] : [];
    // What only changes its place, from a run to a snapshot, is asked for by nobody.
    if (diskOf(result.next) > diskOf(before)) wanted.push([savedBy(id), savedRoomOf(result.next)]);
    return this.#capacity.promiseAllOrRefuse(wanted);
  }

  capacity(): CapacityView {
    const held = [...this.#admission.held(), ...this.#slots.held()];
    const { limit, used } = this.#budget;
    const waiting = held.filter(({ reason }) => reason === 'restart_budget').length;
    const restarts = limit === null ? null : { used, limit: limit.restarts, per_ms: limit.per_ms, waiting };
    const uses = { boots: this.#admission.boots(), standbys: this.#slots.use() };
    return { ...this.#capacity.use(), ...uses, restarts, held };
  }

  #grant(...grant: Parameters<HostLifeOptions['deliver']>): void {
    const { deliver, isSeen } = this.#options;
    const [id] = grant;
    if (isSeen(id)) deliver(...grant);
    else this.#early.set(id, [...(this.#early.get(id) ?? []), () => deliver(...grant)]);
  }

  #untold(): string[] {
    return [...this.#modes].flatMap(([id, mode]) => (mode === this.mode ? [] : [id]));
  }

  /** What holds automation back holds at once; what lets it go waits until an instance knows what runs of it. */
  #mayBeTold(id: string): boolean {
    return this.mode !== 'normal' || this.#options.isSeen(id);
  }

  #toldOrLate(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(TELLING_WAIT_MAX_MS, resolve);
      void this.#telling.then(() => {
        cancel();
        resolve();
      });
    });
  }

  #beginTelling(): void {
    this.#cancelTelling();
    this.#telling = this.#telling.then(() => this.#tellAll());
  }

  async #tellAll(): Promise<void> {
    const ids = this.#untold().filter((id) => this.#mayBeTold(id));
    for (let first = 0; first < ids.length; first += TOLD_TOGETHER) {
      const together = ids.slice(first, first + TOLD_TOGETHER);
      await Promise.all(together.map((id) => new Promise<void>((resolve) => this.#tell(id, resolve))));
    }
    this.#cancelTelling();
    if (!this.#open || !this.#untold().some((id) => this.#mayBeTold(id))) return;
    this.#cancelTelling = this.#options.clock.after(this.#tellAgainMs, () => this.#beginTelling());
    this.#tellAgainMs = Math.min(2 * this.#tellAgainMs, TELL_AGAIN_LONGEST_MS);
  }

  #tell(id: string, settled: () => void): void {
    this.#options.deliver(id, { type: 'host.mode_changed', mode: this.mode }, settled);
  }
}
