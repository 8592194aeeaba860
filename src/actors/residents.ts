import { CHART_VERSION } from '../../machines/chart.ts';
import type { Definition } from '../../machines/definition.ts';
import { migrate } from '../../machines/migrate.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { type ChartSnapshot, EMPTY_SNAPSHOT, fromStateData } from '../../machines/step.ts';
import { INSTANCE_STREAM, parseRecord } from './contracts/instance-entry.ts';
import type { Log, LogEntry, LogHead } from './contracts/log.ts';
import { LogUnavailableError } from './contracts/log-error.ts';
import { StatevisorError } from './errors.ts';
import { type ActorWorld, InstanceActor } from './instance-actor.ts';
import { type Head, headAfter } from './records.ts';
import { definitionBehind, NewerChartError, refuseNewerChart } from './unreadable.ts';

/**
 * Which instances are in memory. Those that wait on something stay; those at rest may be let go and are read back from
 * their last record when somebody speaks to them.
 */

/** Instances at rest kept in memory for a quick answer; the longest unused is let go first. */
export const RESTING_MAX = 1_000;

/** Heads restored side by side: where the log does not give their definitions along, it is waited for once for all. */
const RESTORED_TOGETHER = 512;

export interface Loaded {
  readonly entry: LogEntry;
  readonly actor: InstanceActor;
  /** As the present chart understands it. */
  readonly record: InstanceRecord;
  readonly definition: Definition;
  /** Version of the chart that made the record. */
  readonly writtenBy: number;
}

/** `definition`: the one it stands under, if the log still has it. */
type OnUnreadable = (entry: LogEntry, error: unknown, definition: Definition | null) => void;

export interface ResidentsOptions {
  readonly log: Log;
  readonly world: ActorWorld;
  readonly restingMax: number;
  /** Hears of an instance that was read back because somebody is about to speak to it, before they do. */
  readonly onLoaded: (actor: InstanceActor) => void;
}

export class Residents {
  readonly #options: ResidentsOptions;
  readonly #actors = new Map<string, InstanceActor>();
  readonly #resting = new Set<string>();
  readonly #loading = new Map<string, Promise<InstanceActor>>();
  /** Instances whose last record cannot be gone on from: set aside, their VMs untouched. */
  readonly unreadable = new Set<string>();
  /** Every instance of this log that is not deleted, in memory or not. */
  readonly known = new Set<string>();

  constructor(options: ResidentsOptions) {
    this.#options = options;
  }

  /** Letters that wait, in all and in the fullest mailbox. */
  mailboxes(): { readonly waiting: number; readonly fullest: number } {
    let [waiting, fullest] = [0, 0];
    for (const { depth } of this.#actors.values()) {
      waiting += depth;
      if (depth > fullest) fullest = depth;
    }
    return { waiting, fullest };
  }

  get size(): number {
    return this.#actors.size;
  }

  all(): IterableIterator<InstanceActor> {
    return this.#actors.values();
  }

  /** Whether a letter is under way, or waits. */
  working(): boolean {
    for (const actor of this.#actors.values()) if (actor.working) return true;
    return false;
  }

  resident(id: string): InstanceActor | undefined {
    return this.#actors.get(id);
  }

  /** An actor for an instance that has no record yet. */
  begin(id: string): InstanceActor {
    const head = { stream: id, version: 0, at: 0, snapshot: EMPTY_SNAPSHOT, timers: [], definitionAt: 0 };
    const actor = new InstanceActor(this.#options.world, head, null);
    this.#actors.set(id, actor);
    return actor;
  }

  async load(id: string): Promise<InstanceActor> {
    if (this.unreadable.has(id)) {
      throw new StatevisorError('instance_unreadable', `The last record of ${id} cannot be gone on from.`);
    }
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

  /** Of an instance that is not in memory its last record is read, and not kept. */
  async look(id: string): Promise<ChartSnapshot> {
    const resident = this.#actors.get(id);
    if (resident !== undefined) return resident.head.snapshot;
    const entry = await this.#options.log.head(id);
    if (entry === null) throw new StatevisorError('not_found', `There is no instance ${id}.`);
    return (await this.restore(entry)).actor.head.snapshot;
  }

  async #read(id: string): Promise<InstanceActor> {
    const entry = await this.#options.log.head(id);
    if (entry === null) throw new Error(`The log has no record of ${id}.`);
    const { actor } = await this.restore(entry);
    this.#actors.set(id, actor);
    this.#options.onLoaded(actor);
    return actor;
  }

  /** The actor of a stream's last entry; it is not kept unless `keep` is called. */
  async restore(entry: LogEntry): Promise<Loaded> {
    const record = parseRecord(entry.bytes);
    refuseNewerChart(record);
    const definition = record.definition ?? (await this.#definitionAt(record.stream, record.definition_at));
    return this.#restored(entry, record, definition);
  }

  /** For an actor that finds another last entry in its stream. One that cannot be gone on from here waits for the next start. */
  async readBack(entry: LogEntry): Promise<Pick<Loaded, 'record'> & { readonly head: Head }> {
    try {
      const { record, actor, writtenBy } = await this.restore(entry);
      if (writtenBy === CHART_VERSION) return { record, head: actor.head };
    } catch (error) {
      if (error instanceof LogUnavailableError) throw error;
    }
    throw new StatevisorError('not_owner', 'Another daemon has appended to this instance.');
  }

  #restored(entry: LogEntry, record: InstanceRecord, definition: Definition): Loaded {
    const state = migrate(record.state, record.chart.version);
    const snapshot = fromStateData(state, definition);
    const understood = { ...record, state };
    const head = headAfter(understood, snapshot);
    const actor = new InstanceActor(this.#options.world, head, entry.token);
    return { entry, actor, record: understood, definition, writtenBy: record.chart.version };
  }

  /** Every instance of the log; what cannot be restored is set aside and handed to `onUnreadable`. */
  async *restoreAll(onUnreadable: OnUnreadable): AsyncGenerator<Loaded> {
    let apart: LogHead[] = [];
    for await (const entry of this.#options.log.heads(true)) {
      if (!INSTANCE_STREAM.test(entry.stream)) continue;
      const loaded = this.#restoreAtOnce(entry);
      if (loaded !== null) yield loaded;
      else apart.push(entry);
      if (apart.length < RESTORED_TOGETHER) continue;
      yield* await this.#restoreTogether(apart, onUnreadable);
      apart = [];
    }
    yield* await this.#restoreTogether(apart, onUnreadable);
  }

  /** Null when the definition is not at hand, or something is wrong that is looked at apart. */
  #restoreAtOnce(entry: LogHead): Loaded | null {
    try {
      const record = parseRecord(entry.bytes);
      refuseNewerChart(record);
      const definition = record.definition ?? besideHead(entry, record.definition_at);
      return definition === undefined ? null : this.#restored(entry, record, definition);
    } catch {
      return null;
    }
  }

  async #restoreTogether(entries: readonly LogHead[], onUnreadable: OnUnreadable): Promise<Loaded[]> {
    const orNot = async (entry: LogHead): Promise<Loaded[]> => {
      try {
        return [await this.restore(entry)];
      } catch (error) {
        if (error instanceof NewerChartError || error instanceof LogUnavailableError) throw error;
        this.unreadable.add(entry.stream);
        onUnreadable(entry, error, await definitionBehind(this.#options.log, entry));
        return [];
      }
    };
    return (await Promise.all(entries.map(orNot))).flat();
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
      if (this.#resting.size <= this.#options.restingMax) break;
      this.#resting.delete(id);
      if (this.#actors.get(id)?.idle === true) this.#actors.delete(id);
    }
  }

  async #definitionAt(stream: string, version: number): Promise<Definition> {
    for await (const entry of this.#options.log.read(stream, version, 1)) {
      const { definition } = parseRecord(entry.bytes);
      if (definition !== undefined) return definition;
      break;
    }
    throw new Error(`Record ${version} of ${stream} has no definition.`);
  }
}

/** What the log gave along with the head, if that is of the record the head names. */
function besideHead({ landmark }: LogHead, version: number): Definition | undefined {
  return landmark?.version === version ? (JSON.parse(landmark.text) as Definition) : undefined;
}
