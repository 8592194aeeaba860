import type { Clock } from '../../actors/contracts/clock.ts';
import type { Log, Position } from '../../actors/contracts/log.ts';
import type { ParkedRecord } from './parked-records.ts';
import type { Recorded } from './projection.ts';
import { Rebuild } from './rebuild.ts';
import type { ListedProjection, OnParked, ProjectionShadow, RunningProjection } from './running-projection.ts';

/**
 * Runs projections: takes in every record before the command behind it is answered, builds what begins with the log in
 * the background, and rebuilds any of them beside the running one. One that fails on a record stops no other.
 */

/** How long a rebuild waits before it begins again when the log could not be read. */
export const REBUILD_RETRY_MS = 5_000;

/** Each under its own name. */
export type ProjectionList = Readonly<Record<string, ListedProjection<unknown>>>;
export type ViewsOf<P extends ProjectionList> = { readonly [N in keyof P]: ReturnType<P[N]['run']>['view'] };

export interface Published extends Recorded {
  /** False for heads read back at the start. */
  readonly live: boolean;
  /** This head stands for one that cannot be gone on from; the log does not say what is shown of it. */
  readonly setAside?: boolean;
}

export interface ProjectionStatus {
  readonly version: number;
  readonly position: Position;
  /** Age of the oldest record that is not in it yet, counted back from the newest; null when nothing is in it yet. */
  readonly lag_ms: number | null;
  readonly rebuilding: boolean;
  readonly parked: { readonly total: number; readonly first: readonly ParkedRecord[] };
}

export interface Projections<P extends ProjectionList> {
  readonly views: ViewsOf<P>;
  /** Takes one record, in the order of its stream; called before the command behind it is answered. */
  take(published: Published): void;
  /** Begins to build what begins with the log. Called once the heads are there. */
  start(): void;
  /** Builds these again from one reading of the log and switches over. Resolves then. One under way is joined. */
  rebuild(names: readonly (keyof P & string)[]): Promise<void>;
  status(): Readonly<Record<string, ProjectionStatus>>;
  /** Ends what is being built. */
  close(): Promise<void>;
}

export interface ProjectionsOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly report: (problem: { instance: string | null; message: string; error?: unknown }) => void;
}

/** Looks where the log ends now: what counts from the start of the process counts from here. */
export async function createProjections<P extends ProjectionList>(
  list: P,
  options: ProjectionsOptions,
): Promise<Projections<P>> {
  const { last } = await options.log.extent();
  return new ProjectionEngine(list, options, last);
}

interface Building {
  readonly rebuild: Rebuild;
  readonly done: Promise<void>;
}

class ProjectionEngine<P extends ProjectionList> implements Projections<P> {
  readonly #options: ProjectionsOptions;
  readonly #running = new Map<string, RunningProjection>();
  readonly #building = new Map<string, Building>();
  readonly #rebuilds = new Set<Rebuild>();
  /** Heads that the log does not tell as they are shown, by stream. */
  readonly #setAside = new Map<string, Recorded>();
  readonly #closing = new AbortController();
  readonly views: ViewsOf<P>;
  /** `at` of the newest record there is. */
  #newestAt = 0;

  /** A property, so that it can be handed on as it is. */
  readonly take = (published: Published): void => {
    const { live, setAside, record } = published;
    if (record.at > this.#newestAt) this.#newestAt = record.at;
    if (setAside === true) this.#setAside.set(record.stream, published);
    for (const projection of this.#running.values()) {
      if (live || projection.start === 'heads') this.#takeInto(projection, published);
    }
    if (live) for (const rebuild of this.#rebuilds) rebuild.note(published);
  };

  constructor(list: P, options: ProjectionsOptions, last: Position | null) {
    this.#options = options;
    const onParked: OnParked = (name, { record }, error) => {
      const message = `The projection ${name} could not take in version ${record.version}; it is parked.`;
      options.report({ instance: record.stream, message, error });
    };
    for (const [name, projection] of Object.entries(list)) {
      if (projection.name !== name) throw new Error(`The projection ${projection.name} is listed as ${name}.`);
      this.#running.set(name, projection.run(projection.start === 'now' ? last : null, onParked));
    }
    this.views = Object.fromEntries([...this.#running].map(([name, { view }]) => [name, view])) as ViewsOf<P>;
  }

  start(): void {
    const fromLog = [...this.#running.values()].filter(({ start }) => start === 'log');
    if (fromLog.length > 0) void this.#build(fromLog);
  }

  async rebuild(names: readonly string[]): Promise<void> {
    const underWay = names.flatMap((name) => this.#building.get(name)?.done ?? []);
    const others = [...this.#running.values()].filter(({ name }) => names.includes(name) && !this.#building.has(name));
    await Promise.all([...underWay, ...(others.length > 0 ? [this.#build(others)] : [])]);
  }

  status(): Readonly<Record<string, ProjectionStatus>> {
    return Object.fromEntries([...this.#running.values()].map((one) => [one.name, this.#statusOf(one)]));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#building.values()].map(({ done }) => done));
  }

  #takeInto(projection: RunningProjection, recorded: Recorded): void {
    try {
      projection.take(recorded);
    } catch (error) {
      this.#options.report({
        instance: recorded.record.stream,
        message: `A reader of ${projection.name} threw.`,
        error,
      });
    }
  }

  /** All of them from one reading of the log. */
  #build(projections: readonly RunningProjection[]): Promise<void> {
    const { log, clock } = this.#options;
    const { signal } = this.#closing;
    const shadows = projections.map((projection) => projection.shadow());
    const rebuild = new Rebuild({ log, clock, signal, shadows });
    this.#rebuilds.add(rebuild);
    const switchOver = (): void => {
      for (const [index, projection] of projections.entries()) {
        this.#switchOver(projection, shadows[index]!, rebuild.readUpTo);
      }
    };
    const done = rebuild
      .run(switchOver)
      .catch((error: unknown) => this.#buildLater(projections, error))
      .finally(() => this.#rebuilds.delete(rebuild));
    for (const { name } of projections) this.#building.set(name, { rebuild, done });
    return done;
  }

  #switchOver(projection: RunningProjection, shadow: ProjectionShadow, readUpTo: Position | null): void {
    if (projection.start === 'heads') for (const recorded of this.#setAside.values()) shadow.take(recorded);
    shadow.switchOver(readUpTo);
    this.#building.delete(projection.name);
  }

  /** The running tables stay as they are meanwhile. */
  async #buildLater(projections: readonly RunningProjection[], error: unknown): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const names = projections.map(({ name }) => name).join(', ');
    this.#options.report({ instance: null, message: `The log could not be read to build ${names}.`, error });
    await this.#options.clock.sleep(REBUILD_RETRY_MS, this.#closing.signal);
    if (!this.#closing.signal.aborted) await this.#build(projections);
  }

  #statusOf(projection: RunningProjection): ProjectionStatus {
    const building = this.#building.get(projection.name);
    const parked = projection.parked();
    return {
      version: projection.version,
      position: projection.position(),
      lag_ms: projection.complete() ? 0 : this.#lagOf(building?.rebuild.readAt ?? null),
      rebuilding: building !== undefined,
      parked: { total: parked.total, first: parked.list() },
    };
  }

  #lagOf(readAt: number | null): number | null {
    return readAt === null ? null : Math.max(0, this.#newestAt - readAt);
  }
}
