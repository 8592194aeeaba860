import type { Fact } from '../../machines/facts.ts';
import type { Projection } from './engine/projection.ts';

/**
 * How often what has happened since the process started, for metrics: a counter that began with the log would leap at
 * each start. One row per type of event, so that folding copies little.
 */

export type Counts = Readonly<Record<string, number>>;

export interface TotalsRow {
  readonly event: string;
  readonly transitions: number;
  /** Automatic restarts attempted, by what called for them. */
  readonly restarts: Counts;
  /** Restarts given up, by reason. */
  readonly blocks: Counts;
  /** Changes of health, by what it became. */
  readonly health: Counts;
  readonly standbys: number;
  readonly quarantines: number;
}

export interface TotalsView {
  readonly transitions: Counts;
  readonly restarts: Counts;
  readonly blocks: Counts;
  readonly health: Counts;
  readonly standbys: number;
  readonly quarantines: number;
}

export interface Totals {
  read(): TotalsView;
}

export const totalsProjection: Projection<TotalsRow, Totals> = {
  name: 'totals',
  version: 1,
  start: 'now',
  keyOf: ({ record }) => record.event.type,
  fold: (row, { record }) => {
    const before = row ?? { ...NOTHING, event: record.event.type };
    return record.facts.reduce(counted, { ...before, transitions: before.transitions + 1 });
  },
  publish: (rows) => ({
    read: () => {
      const all = [...rows.values()];
      const sum = (of: (row: TotalsRow) => number): number => all.reduce((total, row) => total + of(row), 0);
      return {
        transitions: Object.fromEntries(all.map(({ event, transitions }) => [event, transitions])),
        restarts: summed(all.map(({ restarts }) => restarts)),
        blocks: summed(all.map(({ blocks }) => blocks)),
        health: summed(all.map(({ health }) => health)),
        standbys: sum(({ standbys }) => standbys),
        quarantines: sum(({ quarantines }) => quarantines),
      };
    },
  }),
};

const NOTHING = { transitions: 0, restarts: {}, blocks: {}, health: {}, standbys: 0, quarantines: 0 };

function counted(row: TotalsRow, fact: Fact): TotalsRow {
  switch (fact.type) {
    case 'restart.attempted':
      return { ...row, restarts: oneMore(row.restarts, fact.cause) };
    case 'restart.blocked':
      return { ...row, blocks: oneMore(row.blocks, fact.reason) };
    case 'health.changed':
      return { ...row, health: oneMore(row.health, fact.to) };
    case 'standby.entered':
      return { ...row, standbys: row.standbys + 1 };
    case 'instance.quarantined':
      return { ...row, quarantines: row.quarantines + 1 };
    default:
      return row;
  }
}

function oneMore(counts: Counts, key: string): Counts {
  return { ...counts, [key]: (counts[key] ?? 0) + 1 };
}

function summed(all: readonly Counts[]): Counts {
  const total: Record<string, number> = {};
  for (const counts of all) for (const [key, count] of Object.entries(counts)) total[key] = (total[key] ?? 0) + count;
  return total;
}
