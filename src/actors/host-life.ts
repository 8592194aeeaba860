import type { ExternalEvent, HostMode, Unstamped } from '../../machines/events.ts';
import { demandOf, hasOrAwaitsRun, NO_DEMAND, occupancyOf } from '../../machines/occupancy.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import { Admission, BOOTS_AT_ONCE_DEFAULT, type HeldInstance } from './admission.ts';
import { Capacity, type CapacityLimits, type ResourceUse } from './capacity.ts';
import { causeOf } from './command-desk.ts';
import type { Clock } from './contracts/clock.ts';
import type { AdmissionAnswer, AdmissionQuestion, ResultEvent } from './effect-operations.ts';
import { StatevisorError } from './errors.ts';
import type { HostChange, HostStream } from './host-stream.ts';
import type { Decided } from './instance-actor.ts';
import type { CommandMeta } from './supervisor.ts';

/**
 * What holds for the whole host and for every instance on it: its mode and how much of it is taken. The rules about
 * one instance stay in its chart, which learns the mode by an event in its own stream.
 */

/** Instances that are told of a new mode side by side; all of their records share few syncs of the log. */
const TOLD_TOGETHER = 256;

export interface CapacityView {
  readonly memory_bytes: ResourceUse;
  readonly vcpus: ResourceUse;
  readonly disk_bytes: ResourceUse;
  /** Boots after a reboot of the host that are under way, and how many may be at once. */
  readonly boots: ResourceUse;
  /** In the order in which they are let go. */
  readonly held: readonly HeldInstance[];
}

export interface HostLifeOptions {
  readonly stream: HostStream;
  readonly clock: Clock;
  readonly limits: CapacityLimits | undefined;
  readonly bootsAtOnce: number | undefined;
  /** Every instance that is not deleted. */
  readonly known: () => Iterable<string>;
  /** Puts an event into the mailbox of an instance; `settled` is called once it has been dealt with. */
  readonly deliver: (id: string, event: Unstamped<ExternalEvent>, settled: () => void) => void;
}

export class HostLife {
  readonly #options: HostLifeOptions;
  readonly #capacity: Capacity;
  readonly #admission: Admission;
  #telling: Promise<void> = Promise.resolve();

  constructor(options: HostLifeOptions) {
    this.#options = options;
    this.#capacity = new Capacity(options.limits);
    this.#admission = new Admission({
      capacity: this.#capacity,
      clock: options.clock,
      bootsAtOnce: options.bootsAtOnce ?? BOOTS_AT_ONCE_DEFAULT,
      grant: options.deliver,
    });
  }

  get mode(): HostMode {
    return this.#options.stream.mode;
  }

  /** Every head is known. */
  open(): void {
    this.#admission.open();
  }

  /** Durable first; resolves when every instance has been told. Those that are not told in this life are in the next. */
  async setMode(mode: HostMode, meta: CommandMeta): Promise<HostChange> {
    const change = await this.#options.stream.setMode(mode, causeOf(meta));
    this.#telling = this.#telling.then(() => this.#tellAll());
    await this.#telling;
    return change;
  }

  /** Tells one instance what it does not know yet: a new one, or one that was not told before a crash. */
  tell(id: string, { context }: ChartSnapshot): void {
    if (context.host.mode !== this.mode) this.#tell(id, () => {});
  }

  /** What the newest record of an instance says about what it takes and waits for. */
  note(id: string, snapshot: ChartSnapshot): void {
    const less = this.#capacity.note(id, occupancyOf(snapshot));
    const booted = this.#admission.note(id, snapshot);
    if (less || booted) this.#admission.letGo();
  }

  forget(id: string): void {
    const less = this.#capacity.note(id, NO_DEMAND);
    this.#admission.forget(id);
    if (less) this.#admission.letGo();
  }

  /** The answer to an automatic start; a grant keeps its room until `settle`. */
  admit({ instance, run, purpose, definition }: AdmissionQuestion): Unstamped<AdmissionAnswer> {
    return this.#admission.ask({ id: instance, run, purpose, demand: demandOf({ definition }) });
  }

  /** The result of an effect has been dealt with: recorded, or dropped because it came too late. */
  settle(id: string, { type }: ResultEvent): void {
    if (type === 'host.granted') this.#admission.settle(id);
  }

  /**
   * Keeps room for the run that an accepted command brings about, until the command's record is durable or refused. A
   * host that is being drained takes on nothing new.
   */
  reserve(id: string, before: ChartSnapshot, { event, result }: Decided): () => void {
    const bringsRun = !hasOrAwaitsRun(before) && hasOrAwaitsRun(result.next);
    if (this.mode === 'draining' && (bringsRun || event.type === 'create')) {
      throw new StatevisorError('host_draining', 'The host is being drained: it takes on nothing new.', {
        details: { mode: this.mode, command: event.type },
      });
    }
    if (!bringsRun) return () => {};
    this.#capacity.promiseOrRefuse(id, occupancyOf(result.next));
    return () => this.#capacity.settle(id);
  }

  capacity(): CapacityView {
    return { ...this.#capacity.use(), boots: this.#admission.boots(), held: this.#admission.held() };
  }

  async #tellAll(): Promise<void> {
    const ids = [...this.#options.known()];
    for (let first = 0; first < ids.length; first += TOLD_TOGETHER) {
      const together = ids.slice(first, first + TOLD_TOGETHER);
      await Promise.all(together.map((id) => new Promise<void>((resolve) => this.#tell(id, resolve))));
    }
  }

  #tell(id: string, settled: () => void): void {
    this.#options.deliver(id, { type: 'host.mode_changed', mode: this.mode }, settled);
  }
}
