import { phaseOf, publicStateOf } from '../../machines/public-states.ts';
import type { Projection } from './engine/projection.ts';
import { toRfc3339 } from './instants.ts';

/**
 * How long each instance has been in which public state: hypeman's `current_phase`, `current_phase_since` and
 * `phase_durations_ms`. It needs the whole history, so it is absent until that has been read; and where retention has
 * removed the beginning of a stream, time counts from the first record that is kept.
 */

export interface DurationsRow {
  /** Public state, in lower case. */
  readonly phase: string;
  /** Epoch ms. */
  readonly since: number;
  /** Ms in each state that has been left, the present one's earlier stays included. */
  readonly spent: Readonly<Record<string, number>>;
  /** The JSON text of the fields up to the number that grows with time, once somebody has asked for it. */
  text?: string;
}

/** Beside the fields of the view; every state the instance has been in is named. */
export interface DurationFields {
  readonly current_phase: string;
  readonly current_phase_since: string;
  readonly phase_durations_ms: Readonly<Record<string, number>>;
}

export interface Durations {
  /** Undefined while the history has not been read, and for instances that are gone. */
  fieldsOf(id: string, now: number): DurationFields | undefined;
  /** The same fields as JSON, without the opening brace. */
  textOf(id: string, now: number): string | undefined;
}

export const durationsProjection: Projection<DurationsRow, Durations> = {
  name: 'durations',
  version: 1,
  start: 'log',
  fold: (row, { record }) => {
    if (phaseOf(record.state.value) === 'deleted') return undefined;
    const phase = publicStateOf(record.state.value).toLowerCase();
    if (row === undefined) return { phase, since: record.at, spent: {} };
    if (row.phase === phase) return row;
    const before = row.spent[row.phase] ?? 0;
    return { phase, since: record.at, spent: { ...row.spent, [row.phase]: before + record.at - row.since } };
  },
  publish: (rows) => ({
    fieldsOf: (id, now) => {
      const row = rows.get(id);
      return row === undefined ? undefined : fieldsOf(row, now);
    },
    textOf: (id, now) => {
      const row = rows.get(id);
      if (row === undefined) return undefined;
      row.text ??= textUpToPresent(row);
      return `${row.text + presentOf(row, now)}}}`;
    },
  }),
};

/** The wall clock may have been stepped back meanwhile. */
function presentOf({ phase, since, spent }: DurationsRow, now: number): number {
  return (spent[phase] ?? 0) + Math.max(0, now - since);
}

function fieldsOf(row: DurationsRow, now: number): DurationFields {
  const { [row.phase]: _present, ...left } = row.spent;
  return {
    current_phase: row.phase,
    current_phase_since: toRfc3339(row.since),
    phase_durations_ms: { ...left, [row.phase]: presentOf(row, now) },
  };
}

/** The present state comes last, so that everything before its number stays the same as time goes on. */
function textUpToPresent(row: DurationsRow): string {
  const whole = JSON.stringify(fieldsOf(row, row.since));
  return whole.slice(1, whole.lastIndexOf(':') + 1);
}
