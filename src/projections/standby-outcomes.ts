import type { Fact } from '../../machines/facts.ts';
import { phaseOf } from '../../machines/public-states.ts';
import type { Projection } from './engine/projection.ts';
import { toRfc3339 } from './instants.ts';

/**
 * What became of the latest attempt to put each instance to sleep, and by how much the clock of its guest was wrong when it
 * went on. It needs the history, so it is absent until that has been read.
 */

export interface StandbyOutcomeRow {
  readonly last: { readonly at: number; readonly outcome: StandbyOutcome; readonly cause: string | null } | null;
  readonly drift: { readonly at: number; readonly run: number; readonly ms: number | null } | null;
}

/** `skipped`: a schedule named the minute, and it was not done. */
export type StandbyOutcome = 'entered' | 'abandoned' | 'skipped';

export interface StandbyOutcomeView {
  readonly last_standby: {
    readonly at: string;
    readonly outcome: StandbyOutcome;
    readonly cause: string | null;
  } | null;
  /** `drift_ms` is null where the guest has no agent to ask. */
  readonly clock: { readonly at: string; readonly run: number; readonly drift_ms: number | null } | null;
}

export interface StandbyOutcomes {
  /** Undefined while the history has not been read, and for instances that are gone. */
  of(id: string): StandbyOutcomeView | undefined;
}

const NONE: StandbyOutcomeRow = { last: null, drift: null };

export const standbyOutcomesProjection: Projection<StandbyOutcomeRow, StandbyOutcomes> = {
  name: 'standby_outcomes',
  version: 1,
  start: 'log',
  fold: (row = NONE, { record }) => {
    if (phaseOf(record.state.value) === 'deleted') return undefined;
    return record.facts.reduce<StandbyOutcomeRow>((before, fact) => after(before, fact, record.at), row);
  },
  publish: (rows) => ({
    of: (id) => {
      const row = rows.complete() ? rows.get(id) : undefined;
      if (row === undefined) return undefined;
      const { last, drift } = row;
      return {
        last_standby: last === null ? null : { ...last, at: toRfc3339(last.at) },
        clock: drift === null ? null : { at: toRfc3339(drift.at), run: drift.run, drift_ms: drift.ms },
      };
    },
  }),
};

function after(row: StandbyOutcomeRow, fact: Fact, at: number): StandbyOutcomeRow {
  switch (fact.type) {
    case 'standby.entered':
      return { ...row, last: { at, outcome: 'entered', cause: null } };
    case 'standby.abandoned':
      return { ...row, last: { at, outcome: 'abandoned', cause: fact.cause } };
    case 'schedule.skipped':
      return fact.schedule === 'standby' ? { ...row, last: { at, outcome: 'skipped', cause: fact.cause } } : row;
    case 'guest.clock_set':
      return { ...row, drift: { at, run: fact.run, ms: fact.drift_ms } };
    default:
      return row;
  }
}
