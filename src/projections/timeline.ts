import type { Fact } from '../../machines/facts.ts';
import { type Phase, type PublicState, phaseOf, publicStateOf } from '../../machines/public-states.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import type { Projection } from './engine/projection.ts';

/** Which phases each instance has gone through, when and why: the last ones. The whole story is its history. */

/** Phases kept of one instance; the oldest is let go first. */
export const TIMELINE_MAX = 32;

export interface TimelineEntry {
  readonly phase: Phase;
  readonly state: PublicState;
  /** Epoch ms. */
  readonly since: number;
  /** Null for the present one. */
  readonly until: number | null;
  readonly run: number;
  /** Type of the event that led here, and who or what sent it. */
  readonly event: string;
  readonly by: string;
  /** What the chart gave as its reason, where it gave one. */
  readonly cause: string | null;
  /** Of the record that tells it. */
  readonly version: number;
}

export interface TimelineRow {
  readonly entries: readonly TimelineEntry[];
  /** Older ones were let go. */
  readonly shortened: boolean;
}

export interface Timeline {
  /** False while the history is still being read. */
  complete(): boolean;
  /** Undefined until then, and for instances that are gone. */
  of(id: string): TimelineRow | undefined;
}

export const timelineProjection: Projection<TimelineRow, Timeline> = {
  name: 'timeline',
  version: 1,
  start: 'log',
  fold: (row, { record }) => {
    if (phaseOf(record.state.value) === 'deleted') return undefined;
    const entry = entryOf(record);
    if (row === undefined) return { entries: [entry], shortened: record.version > 1 };
    const last = row.entries.at(-1);
    if (last?.phase === entry.phase && last.run === entry.run) return row;
    const left = last === undefined ? [] : [{ ...last, until: record.at }];
    const entries = [...row.entries.slice(0, -1), ...left, entry];
    return { entries: entries.slice(-TIMELINE_MAX), shortened: row.shortened || entries.length > TIMELINE_MAX };
  },
  publish: (rows) => ({ complete: () => rows.complete(), of: (id) => rows.get(id) }),
};

function entryOf({ at, state, event, facts, cause, version }: InstanceRecord): TimelineEntry {
  return {
    phase: phaseOf(state.value),
    state: publicStateOf(state.value),
    since: at,
    until: null,
    run: state.context.run.number,
    event: event.type,
    by: cause.actor,
    cause: causeIn(facts),
    version,
  };
}

function causeIn(facts: readonly Fact[]): string | null {
  for (const fact of facts) {
    if ('cause' in fact) return fact.cause;
    if ('reason' in fact) return fact.reason;
  }
  return null;
}
