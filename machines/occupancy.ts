import type { ChartContext } from './context.ts';
import { stateOf } from './public-states.ts';
import type { ChartSnapshot } from './step.ts';

/** What an instance takes of its host. */
export interface Demand {
  readonly memory_bytes: number;
  readonly vcpus: number;
  /** Room for the memory of a sleeping guest. */
  readonly disk_bytes: number;
}

export const NO_DEMAND: Demand = { memory_bytes: 0, vcpus: 0, disk_bytes: 0 };

/** What a run of this instance needs; its memory may have to go to disk one day. */
export function demandOf({ definition }: Pick<ChartContext, 'definition'>): Demand {
  if (definition === null) return NO_DEMAND;
  const { memory_bytes, vcpus } = definition;
  return { memory_bytes, vcpus, disk_bytes: memory_bytes };
}

/** It has a run that is not known to have ended, or gets its first one as soon as it is prepared. */
export function hasOrAwaitsRun({ value, context }: Pick<ChartSnapshot, 'value' | 'context'>): boolean {
  if (!context.run.ended) return true;
  return stateOf(value, 'lifecycle') === 'preparing' && context.intent.wanted === 'running';
}

/** A sleeper needs its snapshot and nothing else; one at rest needs nothing that is counted. */
export function occupancyOf(snapshot: Pick<ChartSnapshot, 'value' | 'context'>): Demand {
  const demand = demandOf(snapshot.context);
  if (hasOrAwaitsRun(snapshot)) return demand;
  return snapshot.context.snapshot === null ? NO_DEMAND : { ...NO_DEMAND, disk_bytes: demand.disk_bytes };
}
