import { type Demand, NO_DEMAND } from '../../machines/occupancy.ts';
import { StatevisorError } from './errors.ts';

/**
 * How much of the host its instances take: a fold of all heads, and on top of it what was promised to instances whose
 * record is not durable yet. Nothing that runs is ever ended for lack of it.
 */

export interface CapacityLimits {
  readonly memory_bytes: number;
  readonly vcpus: number;
  readonly disk_bytes: number;
  /** How much of each may be given out, as a ratio (0 or more) of what there is: 1 is all of it, 2 twice of it. */
  readonly overcommit: { readonly memory: number; readonly vcpus: number; readonly disk: number };
}

export type Resource = 'memory' | 'vcpus' | 'disk';

export interface ResourceUse {
  readonly used: number;
  /** With the overcommit; null: not limited. */
  readonly limit: number | null;
}

const RESOURCES: readonly Resource[] = ['memory', 'vcpus', 'disk'];
const FIELDS = { memory: 'memory_bytes', vcpus: 'vcpus', disk: 'disk_bytes' } as const;
/** The field of a request that decides how much of it is needed. */
const ASKED_BY = { memory: 'size', vcpus: 'vcpus', disk: 'size' } as const;
const UNITS = { memory: 'bytes of memory', vcpus: 'virtual processors', disk: 'bytes of disk' } as const;

interface Promised {
  readonly demand: Demand;
  /** Promises under way for one instance: it takes its room once, and keeps it until the last of them is settled. */
  readonly count: number;
}

export class Capacity {
  readonly #limits: CapacityLimits | undefined;
  readonly #taken = new Map<string, Demand>();
  readonly #promised = new Map<string, Promised>();
  readonly #used: Record<Resource, number> = { memory: 0, vcpus: 0, disk: 0 };

  constructor(limits?: CapacityLimits) {
    this.#limits = limits;
  }

  /** What an instance takes according to its newest record. True when that is less than before. */
  note(id: string, demand: Demand): boolean {
    const before = this.#taken.get(id) ?? NO_DEMAND;
    this.#change(id, () => {
      if (demand.memory_bytes === 0 && demand.disk_bytes === 0) this.#taken.delete(id);
      else this.#taken.set(id, demand);
    });
    return RESOURCES.some((resource) => demand[FIELDS[resource]] < before[FIELDS[resource]]);
  }

  /** What there is too little of for this instance to take `demand` in all; null when it fits. */
  lacking(id: string, demand: Demand): Resource | null {
    const before = this.#of(id);
    const lacks = (resource: Resource): boolean => {
      const more = demand[FIELDS[resource]] - before[FIELDS[resource]];
      return more > 0 && more > this.#free(resource);
    };
    return RESOURCES.find(lacks) ?? null;
  }

  /** Keeps room for an instance until `settle`; answers what there is too little of, and then keeps none. */
  promise(id: string, demand: Demand): Resource | null {
    const lacking = this.lacking(id, demand);
    if (lacking !== null) return lacking;
    const count = (this.#promised.get(id)?.count ?? 0) + 1;
    this.#change(id, () => this.#promised.set(id, { demand, count }));
    return null;
  }

  /** The same for a command: throws `insufficient_resources` and names the field and how much is free. */
  promiseOrRefuse(id: string, demand: Demand): void {
    const lacking = this.promise(id, demand);
    if (lacking === null) return;
    const needed = demand[FIELDS[lacking]] - this.#of(id)[FIELDS[lacking]];
    const free = Math.max(0, Math.floor(this.#free(lacking)));
    const message = `${needed} ${UNITS[lacking]} are needed and ${free} are free.`;
    throw new StatevisorError('insufficient_resources', message, {
      field: ASKED_BY[lacking],
      details: { resource: lacking, needed, free },
    });
  }

  /** All of it or nothing; answers what settles it. */
  promiseAllOrRefuse(wanted: readonly (readonly [id: string, demand: Demand])[]): () => void {
    const kept: string[] = [];
    const settle = (): void => kept.forEach((id) => void this.settle(id));
    try {
      for (const [id, demand] of wanted) {
        this.promiseOrRefuse(id, demand);
        kept.push(id);
      }
    } catch (error) {
      settle();
      throw error;
    }
    return settle;
  }

  /** A promise was kept (its record is folded) or is void. */
  settle(id: string): void {
    const promised = this.#promised.get(id);
    if (promised === undefined) return;
    if (promised.count > 1) this.#promised.set(id, { ...promised, count: promised.count - 1 });
    else this.#change(id, () => this.#promised.delete(id));
  }

  get promises(): number {
    return this.#promised.size;
  }

  use(): Readonly<Record<'memory_bytes' | 'vcpus' | 'disk_bytes', ResourceUse>> {
    const of = (resource: Resource): ResourceUse => ({ used: this.#used[resource], limit: this.#limit(resource) });
    return { memory_bytes: of('memory'), vcpus: of('vcpus'), disk_bytes: of('disk') };
  }

  #limit(resource: Resource): number | null {
    return this.#limits === undefined ? null : this.#limits[FIELDS[resource]] * this.#limits.overcommit[resource];
  }

  #free(resource: Resource): number {
    const limit = this.#limit(resource);
    return limit === null ? Number.POSITIVE_INFINITY : limit - this.#used[resource];
  }

  #of(id: string): Demand {
    const taken = this.#taken.get(id) ?? NO_DEMAND;
    const promised = this.#promised.get(id)?.demand ?? NO_DEMAND;
    return {
      memory_bytes: Math.max(taken.memory_bytes, promised.memory_bytes),
      vcpus: Math.max(taken.vcpus, promised.vcpus),
      disk_bytes: Math.max(taken.disk_bytes, promised.disk_bytes),
    };
  }

  /** The sums follow each change, so that asking costs the same however many instances there are. */
  #change(id: string, act: () => void): void {
    const before = this.#of(id);
    act();
    const after = this.#of(id);
    for (const resource of RESOURCES) this.#used[resource] += after[FIELDS[resource]] - before[FIELDS[resource]];
  }
}
