import type { Fact } from '../../machines/facts.ts';
import { type Phase, type PublicState, phaseOf, publicStateOf } from '../../machines/public-states.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import type { Projection } from './engine/projection.ts';

/** Which phases each instance has gone through, when and why: the last ones. The whole story is its history. */

/** Phases kept of one instance, about 120 bytes each; the oldest is let go first. */
export const TIMELINE_MAX = 16;

interface Entry {
  readonly phase: Phase;
  readonly state: PublicState;
  /** Epoch ms. */
  readonly since: number;
  readonly run: number;
  /** Type of the event that led here, and who or what sent it. */
  readonly event: string;
  readonly by: string;
  /** What the chart gave as its reason, where it gave one. */
  readonly cause: string | null;
  /** Of the record that tells it. */
  readonly version: number;
}

interface TimelineRow {
  readonly entries: readonly Entry[];
  readonly shortened: boolean;
}

export interface TimelineEntry extends Entry {
  /** Null for the present one. */
  readonly until: number | null;
}

export interface TimelineView {
  readonly entries: readonly TimelineEntry[];
  /** Older ones were let go. */
  readonly shortened: boolean;
}

export interface Timeline {
  /** False while the history is still being read. */
  complete(): boolean;
  /** Undefined until then, and for instances that are gone. */
  of(id: string): TimelineView | undefined;
}

export const timelineProjection: Projection<TimelineRow, Timeline> = {
  name: 'timeline',
  version: 1,
  start: 'log',
  fold: (row, { record }) => {
    if (phaseOf(record.state.value) === 'deleted') return undefined;
    const last = row?.entries.at(-1);
    const same = last?.phase === phaseOf(record.state.value) && last.run === record.state.context.run.number;
    if (same) return row;
    if (row === undefined) return { entries: [entryOf(record)], shortened: record.version > 1 };
    const { entries, shortened } = row;
    if (entries.length < TIMELINE_MAX) return { entries: [...entries, entryOf(record)], shortened };
    return { entries: [...entries.slice(1), entryOf(record)], shortened: true };
  },
  publish: (rows) => ({
    complete: () => rows.complete(),
    of: (id) => {
      const row = rows.get(id);
      return row === undefined ? undefined : { entries: row.entries.map(withEnd), shortened: row.shortened };
    },
  }),
};

/** Each lasted until the next one began. */
function withEnd(entry: Entry, index: number, all: readonly Entry[]): TimelineEntry {
  return { ...entry, until: all[index + 1]?.since ?? null };
}

function entryOf({ at, state, event, facts, cause, version }: InstanceRecord): Entry {
  return {
    phase: phaseOf(state.value),
    state: publicStateOf(state.value),
    since: at,
    run: state.context.run.number,
    event: event.type,
    by: cause.actor,
    cause: causeIn(facts),
    version,
  };
}

/** Of a boot what asked for it, even where the same record tells the end before; of everything else the first reason. */
function causeIn(facts: readonly Fact[]): string | null {
  const boot = facts.find((fact) => fact.type === 'instance.boot_requested');
  if (boot !== undefined) return boot.cause;
  for (const fact of facts) {
    if ('cause' in fact) return fact.cause;
    if ('reason' in fact) return fact.reason;
  }
  return null;
}
