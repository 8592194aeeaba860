import { phaseOf } from '../../machines/public-states.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { isAwake, type Stretch, WAKEFULNESS, type Wakefulness, wakefulnessFrom } from '../../machines/wakefulness.ts';
import type { Projection, Recorded, Rows } from './engine/projection.ts';
import { toRfc3339 } from './instants.ts';
import { presentOf, spentIn, type WakefulnessRow } from './wakefulness-row.ts';
import { countTime } from './wakefulness-totals.ts';

/**
 * How long each instance has been awake and asleep, and what kept it awake: every millisecond between two records is one
 * of `WAKEFULNESS`, by what the earlier one says. It needs the whole history, so it is absent until that has been read;
 * where retention has removed the beginning of a stream, time counts from the first record that is kept.
 */

export interface WakefulnessView {
  /** What it is now: awake, asleep, down, or unknown. */
  readonly is: 'awake' | 'asleep' | 'down' | 'unknown';
  /** Only while it is awake: what keeps it so. */
  readonly awake_because?: string;
  readonly since: string;
  readonly counted_from: string;
  readonly awake_ms: number;
  readonly asleep_ms: number;
  readonly down_ms: number;
  readonly unknown_ms: number;
  /** Of the time awake; causes that never held are left out. */
  readonly awake_by_cause_ms: Readonly<Record<string, number>>;
}

export interface WakefulnessAccount {
  /** Undefined while the history has not been read, and for instances that are gone. */
  of(id: string, now: number): WakefulnessView | undefined;
  /** How many instances are what now; undefined while the history has not been read. */
  tally(now: number): ReadonlyMap<Wakefulness, number> | undefined;
  /** Ms of all instances together since this was first asked; undefined while the history has not been read. */
  total(now: number): ReadonlyMap<Wakefulness, number> | undefined;
}

export const wakefulnessProjection: Projection<WakefulnessRow, WakefulnessAccount> = {
  name: 'wakefulness',
  version: 1,
  start: 'log',
  fold: (row, recorded) => {
    const { record, definition } = recorded;
    if (phaseOf(record.state.value) === 'deleted') return undefined;
    if (row === undefined) {
      const stretches = wakefulnessFrom(record.state, definition, record.at);
      return { counted_from: record.at, since: record.at, stretches, spent: {} };
    }
    const begun = trulyBegun(recorded, row);
    const stretches = wakefulnessFrom(record.state, definition, begun);
    if (goesOn(row.stretches, stretches)) return row;
    return { ...row, since: begun, stretches, spent: spentIn(row, row.since, begun, row.spent) };
  },
  publish: (rows) => ({
    of: (id, now) => {
      const row = rows.get(id);
      return row === undefined ? undefined : wakefulnessView(row, now);
    },
    tally: (now) => (rows.complete() ? tallied(rows, now) : undefined),
    total: countTime(rows),
  }),
};

/**
 * A record may tell of what happened before it: a run that ended while nobody looked, and an idle edge that was kept
 * back for a while. Never before the record that said what was until then.
 */
function trulyBegun({ record }: Recorded, row: WakefulnessRow): number {
  return Math.max(row.since, Math.min(record.at, toldOf(record)));
}

function toldOf({ at, event, facts, state }: InstanceRecord): number {
  for (const fact of facts) if (fact.type === 'instance.ended') return fact.ended_at ?? at;
  if (event.type === 'traffic.idle') return state.context.standby.idle_since ?? at;
  return at;
}

/** The same goes on: a stretch that began earlier is not cut at every record that says so again. */
function goesOn(before: readonly Stretch[], after: readonly Stretch[]): boolean {
  return before.length === 1 && after.length === 1 && before[0]!.is === after[0]!.is;
}

export function wakefulnessView(row: WakefulnessRow, now: number): WakefulnessView {
  const present = presentOf(row, now);
  const spent = spentIn(row, row.since, now, row.spent);
  const awake = WAKEFULNESS.filter(isAwake).flatMap((cause): [string, number][] =>
    spent[cause] === undefined ? [] : [[cause, spent[cause]]],
  );
  return {
    is: isAwake(present.is) ? 'awake' : present.is,
    ...(isAwake(present.is) ? { awake_because: present.is } : {}),
    since: toRfc3339(present.from),
    counted_from: toRfc3339(row.counted_from),
    awake_ms: awake.reduce((sum, [, ms]) => sum + ms, 0),
    asleep_ms: spent.asleep ?? 0,
    down_ms: spent.down ?? 0,
    unknown_ms: spent.unknown ?? 0,
    awake_by_cause_ms: Object.fromEntries(awake),
  };
}

function tallied(rows: Rows<WakefulnessRow>, now: number): ReadonlyMap<Wakefulness, number> {
  const tally = new Map<Wakefulness, number>(WAKEFULNESS.map((is) => [is, 0]));
  for (const row of rows.values()) {
    const { is } = presentOf(row, now);
    tally.set(is, tally.get(is)! + 1);
  }
  return tally;
}
