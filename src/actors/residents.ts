import type { Definition } from '../../machines/definition.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { EMPTY_SNAPSHOT, fromStateData } from '../../machines/step.ts';
import type { Log, LogEntry } from './contracts/log.ts';
import { type ActorWorld, InstanceActor } from './instance-actor.ts';
import { headAfter, parseRecord } from './records.ts';

/**
 * Which instances are in memory. Those that wait on something stay; those at rest may be let go and are read back from
 * their last record when somebody speaks to them.
 */

/** Instances at rest kept in memory for a quick answer; the longest unused is let go first. */
export const RESTING_MAX = 1_000;

/** Heads whose definitions are read side by side, so that a start waits for the log once for all of them. */
const RESTORED_TOGETHER = 512;

export interface Loaded {
  readonly entry: LogEntry;
  readonly actor: InstanceActor;
  readonly record: InstanceRecord;
  readonly definition: Definition;
}

export class Residents {
  readonly #log: Log;
  readonly #world: ActorWorld;
  readonly #restingMax: number;
  readonly #actors = new Map<string, InstanceActor>();
  readonly #resting = new Set<string>();
  readonly #loading = new Map<string, Promise<InstanceActor>>();
  /** Every instance of this log that is not deleted, in memory or not. */
  readonly known = new Set<string>();

  constructor(log: Log, world: ActorWorld, restingMax: number) {
    this.#log = log;
    this.#world = world;
    this.#restingMax = restingMax;
  }

  get size(): number {
    return this.#actors.size;
  }

  all(): IterableIterator<InstanceActor> {
    return this.#actors.values();
  }

  resident(id: string): InstanceActor | undefined {
    return this.#actors.get(id);
  }

  /** An actor for an instance that has no record yet. */
  begin(id: string): InstanceActor {
    const head = { stream: id, version: 0, at: 0, snapshot: EMPTY_SNAPSHOT, timers: [], definitionAt: 0 };
    const actor = new InstanceActor(this.#world, head, null);
    this.#actors.set(id, actor);
    return actor;
  }

  async load(id: string): Promise<InstanceActor> {
    const resident = this.#actors.get(id);
    if (resident !== undefined) {
      // Somebody is about to speak to it: it must not be let go in the moment between.
      this.#resting.delete(id);
      return resident;
    }
    const underWay = this.#loading.get(id);
    if (underWay !== undefined) return underWay;
    const loading = this.#read(id).finally(() => this.#loading.delete(id));
    this.#loading.set(id, loading);
    return loading;
  }

  async #read(id: string): Promise<InstanceActor> {
    const entry = await this.#log.head(id);
    if (entry === null) throw new Error(`The log has no record of ${id}.`);
    const { actor } = await this.restore(entry);
    this.#actors.set(id, actor);
    return actor;
  }

  /** The actor of a stream's last entry; it is not kept unless `keep` is called. */
  async restore(entry: LogEntry): Promise<Loaded> {
    const record = parseRecord(entry.bytes);
    const definition = record.definition ?? (await this.#definitionAt(record.stream, record.definition_at));
    const snapshot = fromStateData(record.state, definition);
    const actor = new InstanceActor(this.#world, headAfter(record, snapshot), entry.token);
    return { entry, actor, record, definition };
  }

  /** The same for many entries, in their order. */
  async *restoreAll(entries: AsyncIterable<LogEntry>): AsyncGenerator<Loaded> {
    let together: LogEntry[] = [];
    for await (const entry of entries) {
      together.push(entry);
      if (together.length < RESTORED_TOGETHER) continue;
      yield* await this.#restoreTogether(together);
      together = [];
    }
    yield* await this.#restoreTogether(together);
  }

  #restoreTogether(entries: readonly LogEntry[]): Promise<Loaded[]> {
    return Promise.all(entries.map((entry) => this.restore(entry)));
  }

  keep(actor: InstanceActor): void {
    this.#actors.set(actor.id, actor);
  }

  forget(id: string): void {
    this.#actors.delete(id);
    this.#resting.delete(id);
  }

  /** An idle actor at rest joins the ones that may be let go; one that works leaves them. */
  noteIdle(actor: InstanceActor): void {
    if (this.#actors.get(actor.id) !== actor) return;
    this.#resting.delete(actor.id);
    if (!actor.idle || !actor.head.snapshot.hasTag('at_rest')) return;
    this.#resting.add(actor.id);
    for (const id of this.#resting) {
      if (this.#resting.size <= this.#restingMax) break;
      this.#resting.delete(id);
      if (this.#actors.get(id)?.idle === true) this.#actors.delete(id);
    }
  }

  async #definitionAt(stream: string, version: number): Promise<Definition> {
    for await (const entry of this.#log.read(stream, version, 1)) {
      const { definition } = parseRecord(entry.bytes);
      if (definition !== undefined) return definition;
      break;
    }
    throw new Error(`Record ${version} of ${stream} has no definition.`);
  }
}
