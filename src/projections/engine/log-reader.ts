import type { Definition } from '../../../machines/definition.ts';
import { phaseOf } from '../../../machines/public-states.ts';
import type { InstanceRecord } from '../../../machines/record.ts';
import type { Clock } from '../../actors/contracts/clock.ts';
import { INSTANCE_STREAM, parseRecord } from '../../actors/contracts/instance-entry.ts';
import type { Log, LogEntry, Position } from '../../actors/contracts/log.ts';
import type { Recorded } from './projection.ts';

/** Reading the records of instances out of the whole log, in its order. */

/** So long a reader keeps the process to itself before it lets commands and requests be served. */
export const SLICE_MAX_MS = 4;
/** Entries between two looks at the clock. */
const LOOK_EVERY = 32;

export interface LogReaderOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** Entries that cannot be read as a record, or stand under a definition that is not there. */
  readonly onUnreadable: (entry: LogEntry, error: unknown) => void;
  readonly take: (recorded: Recorded) => void;
  readonly signal: AbortSignal;
}

/** Remembers definitions between passes: a record names the version of the one it stands under. */
export class LogReader {
  readonly #options: LogReaderOptions;
  readonly #definitions = new Map<string, Definition>();

  constructor(options: LogReaderOptions) {
    this.#options = options;
  }

  /** Every record after `after`, up to the present end. Answers the position of the last entry. */
  async pass(after: Position | null): Promise<Position | null> {
    const { log, clock, signal } = this.#options;
    let position = after;
    let begun = clock.monotonic();
    let entries = 0;
    for await (const entry of log.readAll(after)) {
      if (signal.aborted) break;
      position = entry.position;
      const fetching = INSTANCE_STREAM.test(entry.stream) ? this.#take(entry) : undefined;
      if (fetching !== undefined) await fetching;
      entries += 1;
      if (entries % LOOK_EVERY !== 0 || clock.monotonic() - begun < SLICE_MAX_MS) continue;
      await clock.turn();
      begun = clock.monotonic();
    }
    return position;
  }

  /** Waits only where the definition has to be fetched. */
  #take(entry: LogEntry): Promise<void> | undefined {
    const { onUnreadable, take } = this.#options;
    let record: InstanceRecord;
    try {
      record = parseRecord(entry.bytes);
    } catch (error) {
      onUnreadable(entry, error);
      return undefined;
    }
    const definition = record.definition ?? this.#definitions.get(record.stream);
    if (definition === undefined) return this.#takeWithFetched(entry, record);
    if (record.definition !== undefined) this.#definitions.set(record.stream, definition);
    if (phaseOf(record.state.value) === 'deleted') this.#definitions.delete(record.stream);
    take({ record, definition, position: entry.position });
    return undefined;
  }

  /** The record with the definition lies before where reading began. */
  async #takeWithFetched(entry: LogEntry, record: InstanceRecord): Promise<void> {
    const { log, onUnreadable, take } = this.#options;
    for await (const { bytes } of log.read(record.stream, record.definition_at, 1)) {
      const { definition } = parseRecord(bytes);
      if (definition === undefined) break;
      this.#definitions.set(record.stream, definition);
      take({ record, definition, position: entry.position });
      return;
    }
    onUnreadable(entry, new Error(`Version ${record.definition_at} has no definition.`));
  }
}
