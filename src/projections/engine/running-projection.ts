import type { Position } from '../../actors/contracts/log.ts';
import { ParkedRecords } from './parked-records.ts';
import type { Projection, ProjectionStart, Recorded } from './projection.ts';
import type { Shadow } from './rebuild.ts';
import { RowTable } from './row-table.ts';

/** One projection of the engine without the types of its rows, which are nobody else's business. */
export interface RunningProjection<View = unknown> {
  readonly name: string;
  readonly version: number;
  readonly start: ProjectionStart;
  readonly view: View;
  complete(): boolean;
  position(): Position;
  parked(): ParkedRecords;
  take(recorded: Recorded): void;
  /** An empty table beside the running one, and the way to put it in its place. */
  shadow(): ProjectionShadow;
}

export interface ProjectionShadow extends Shadow {
  /** Readers see what is in the shadow from now on; it holds everything up to this position. */
  switchOver(readUpTo: Position | null): void;
}

/** A projection as the list of them names it. */
export interface ListedProjection<View> {
  readonly name: string;
  readonly start: ProjectionStart;
  /** `after`: what happened up to this position is none of its business. */
  run(after: Position | null, onParked: OnParked): RunningProjection<View>;
}

export function listed<Row extends object, View>(projection: Projection<Row, View>): ListedProjection<View> {
  const { name, start } = projection;
  return { name, start, run: (after, onParked) => runProjection(projection, after, onParked) };
}

export type OnParked = (name: string, recorded: Recorded, error: unknown) => void;

function runProjection<Row extends object, View>(
  projection: Projection<Row, View>,
  after: Position | null,
  onParked: OnParked,
): RunningProjection<View> {
  const { name, version, start } = projection;
  const table = new RowTable(projection, start !== 'log');
  let parked = new ParkedRecords();
  let taken: Position = after ?? '';
  const takeInto = (target: RowTable<Row>, aside: ParkedRecords, recorded: Recorded): void => {
    target.take(recorded, (error) => {
      aside.add({ ...recorded.record, position: recorded.position }, error);
      onParked(name, recorded, error);
    });
  };
  return {
    name,
    version,
    start,
    view: projection.publish(table),
    complete: () => table.complete(),
    position: () => table.position(),
    parked: () => parked,
    // A rebuild may have read a record before it was published: that one is in the rows already.
    take: (recorded) => {
      if (table.complete() && recorded.position > taken) takeInto(table, parked, recorded);
    },
    shadow: () => {
      const shadow = new RowTable(projection, true);
      const aside = new ParkedRecords();
      return {
        after,
        parked: aside,
        take: (recorded) => takeInto(shadow, aside, recorded),
        switchOver: (readUpTo) => {
          table.become(shadow);
          parked = aside;
          taken = readUpTo ?? taken;
        },
      };
    },
  };
}
