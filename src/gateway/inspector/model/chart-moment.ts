import type { ChartState, ChartStructure } from '../../../projections/chart-structure.ts';
import { type Arrow, arrowsOf, statesWithin } from './chart-graph.ts';

/** What of the chart is so at one moment: which states are active, which timers run where, which arrows were just taken. */

/** As XState writes a configuration: a name, or names with what is active inside them. */
export type StateValue = string | { readonly [name: string]: StateValue | undefined };

export interface RunningTimer {
  readonly name: string;
  /** Epoch ms. */
  readonly due: number;
}

export interface ChartMoment {
  /** Paths, regions included. */
  readonly active: ReadonlySet<string>;
  /** Active paths that this chart does not have: another version of it made the record. */
  readonly unknown: readonly string[];
  /** By the path of the state that waits. */
  readonly timers: ReadonlyMap<string, readonly RunningTimer[]>;
  /** Ids of arrows that led here from the moment before. */
  readonly taken: ReadonlySet<string>;
}

export interface Moment {
  readonly value: StateValue;
  readonly timers: readonly RunningTimer[];
  /** Type of the event. */
  readonly event: string;
}

/** Every path that is active in a configuration, outer ones first. */
export function pathsIn(value: StateValue, prefix = ''): string[] {
  if (typeof value === 'string') return [`${prefix}${value}`];
  return Object.entries(value).flatMap(([name, within]) => {
    const path = `${prefix}${name}`;
    return [path, ...(within === undefined ? [] : pathsIn(within, `${path}.`))];
  });
}

export function momentOf(chart: ChartStructure, now: Moment, before: Moment | null): ChartMoment {
  const states = chart.regions.flatMap(statesWithin);
  const known = new Set(states.map(({ path }) => path));
  const paths = pathsIn(now.value);
  const active = new Set(paths.filter((path) => known.has(path)));
  return {
    active,
    unknown: paths.filter((path) => !known.has(path)),
    timers: timersOf(states, active, now.timers),
    taken: before === null ? new Set() : takenBetween(chart, new Set(pathsIn(before.value)), active, now.event),
  };
}

export interface Exit {
  readonly event: string;
  readonly guards: readonly string[];
  readonly from: string;
  readonly to: string;
}

/** What leads on from the active states, inner ones first, as the chart asks them. */
export function exitsOf(chart: ChartStructure, active: ReadonlySet<string>): Exit[] {
  const arrows = chart.regions.flatMap(arrowsOf).filter(({ from }) => active.has(from));
  const depth = ({ from }: Arrow): number => from.split('.').length;
  return arrows
    .toSorted((a, b) => depth(b) - depth(a))
    .flatMap(({ from, to, causes }) => causes.map((cause) => ({ ...cause, from, to })));
}

function timersOf(
  states: readonly ChartState[],
  active: ReadonlySet<string>,
  running: readonly RunningTimer[],
): Map<string, RunningTimer[]> {
  const found = new Map<string, RunningTimer[]>();
  for (const { path, timers } of states) {
    const own = running.filter(({ name }) => active.has(path) && timers.some((timer) => timer.name === name));
    if (own.length > 0) found.set(path, own);
  }
  return found;
}

/**
 * Records tell where an instance was and where it is, and one event may take several steps. So of each region that moved
 * those arrows count which lead from what was active to what has become active; one with the record's own event counts
 * before those that follow from it.
 */
function takenBetween(
  chart: ChartStructure,
  before: ReadonlySet<string>,
  active: ReadonlySet<string>,
  event: string,
): Set<string> {
  const taken = new Set<string>();
  for (const region of chart.regions) {
    const fits = arrowsOf(region).filter(
      ({ from, to }) => before.has(from) && active.has(to) && (!active.has(from) || !before.has(to)),
    );
    const byEvent = fits.filter(({ causes }) => causes.some((cause) => cause.event === event));
    for (const { id } of closest(byEvent.length > 0 ? byEvent : fits)) taken.add(id);
  }
  return taken;
}

/** An arrow from or to an inner state says more than one of the state around it. */
function closest(arrows: readonly Arrow[]): Arrow[] {
  const depth = ({ from, to }: Arrow): number => from.split('.').length + to.split('.').length;
  const most = Math.max(0, ...arrows.map(depth));
  return arrows.filter((arrow) => depth(arrow) === most);
}
