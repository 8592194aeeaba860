import type { HeldReason, HostMode, Purpose } from '../../machines/events.ts';
import { hasOrAwaitsRun, occupancyOf } from '../../machines/occupancy.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import { Capacity, type CapacityLimits, type ResourceUse } from './capacity.ts';
import { causeOf } from './command-desk.ts';
import { StatevisorError } from './errors.ts';
import type { HostChange, HostStream } from './host-stream.ts';
import type { Decided } from './instance-actor.ts';
import type { CommandMeta } from './supervisor.ts';

/**
 * What holds for the whole host and for every instance on it: its mode and how much of it is taken. The rules about
 * one instance stay in its chart, which learns the mode by an event in its own stream.
 */

/** An instance that waits for the host to have room. */
export interface HeldInstance {
  readonly id: string;
  readonly name: string;
  readonly purpose: Purpose;
  readonly reason: HeldReason;
  /** Epoch ms. */
  readonly retry_at: number;
}

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
  readonly limits: CapacityLimits | undefined;
}

export class HostLife {
  readonly #options: HostLifeOptions;
  readonly #capacity: Capacity;

  constructor(options: HostLifeOptions) {
    this.#options = options;
    this.#capacity = new Capacity(options.limits);
  }

  get mode(): HostMode {
    return this.#options.stream.mode;
  }

  /** Resolves once it is durable. */
  setMode(mode: HostMode, meta: CommandMeta): Promise<HostChange> {
    return this.#options.stream.setMode(mode, causeOf(meta));
  }

  /** What an instance takes according to its newest record. */
  note(id: string, snapshot: ChartSnapshot): void {
    this.#capacity.note(id, occupancyOf(snapshot));
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
    return { ...this.#capacity.use(), boots: { used: 0, limit: null }, held: [] };
  }
}
