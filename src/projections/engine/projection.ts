import type { Definition } from '../../../machines/definition.ts';
import type { InstanceRecord } from '../../../machines/record.ts';
import type { Position } from '../../actors/contracts/log.ts';

/** One durable record, with the definition it stands under and its place in the log. */
export interface Recorded {
  readonly record: InstanceRecord;
  readonly definition: Definition;
  readonly position: Position;
}

/**
 * Where a projection begins when the daemon starts.
 * - `heads`: with the last record of every stream, which is all its rows depend on. It is there at once.
 * - `log`: with the first record that is kept. It is read in the background; until then nothing of it is shown.
 * - `now`: with what happens from the start of the process on, as counters do.
 */
export type ProjectionStart = 'heads' | 'log' | 'now';

/**
 * A read model: rows folded from records, and what is published of them. Everything a projection is stands in one file;
 * `all-projections.ts` lists them.
 */
export interface Projection<Row extends object, View> {
  readonly name: string;
  /** Grows when the same records give other rows than before. */
  readonly version: number;
  readonly start: ProjectionStart;
  /** Which row a record belongs to; that of its stream when this is absent. */
  readonly keyOf?: (recorded: Recorded) => string;
  /**
   * The row after this record; undefined when there is none any more. Pure: it reads no clock, changes nothing it is
   * given, and the same records give the same row. A record on which it throws is parked and changes nothing.
   */
  readonly fold: (row: Row | undefined, recorded: Recorded) => Row | undefined;
  /** What readers get. Called once; the rows behind it are always the newest ones. */
  readonly publish: (rows: Rows<Row>) => View;
}

/** Hears of a record that has been taken in, with the row it left behind and the one that was there before. */
export type RowListener<Row> = (recorded: Recorded, row: Row | undefined, before: Row | undefined) => void;

/** The rows of a projection, for what it publishes. */
export interface Rows<Row extends object> {
  /** False until the rows stand for everything from where the projection begins. */
  complete(): boolean;
  get(key: string): Row | undefined;
  values(): Iterable<Row>;
  /** Keys in ascending order, which for instances is the order of creation. */
  keys(): readonly string[];
  /** The newest position taken in; '' before the first. */
  position(): Position;
  /** Hears of every record taken in from now on. Returns the way to stop. */
  watch(listener: RowListener<Row>): () => void;
}
