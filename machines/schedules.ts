import type { ScheduleName } from './definition.ts';
import type { Schedules } from './policies.ts';
import { phaseOf } from './public-states.ts';
import type { ChartSnapshot } from './step.ts';

/** What whoever tells instances the minutes of their schedules has to know of one. */
export interface Scheduled {
  readonly schedules: Schedules;
  /** The last minute of each that counts as heard, or since when what it asks for has been over. */
  readonly heard: Readonly<Record<ScheduleName, number | null>>;
  /** Those that ask for what is so already: nothing comes of their minutes, and a steady instance writes nothing. */
  readonly fulfilled: readonly ScheduleName[];
}

/** Null: there is nothing to tell it. */
export function scheduledOf(snapshot: ChartSnapshot): Scheduled | null {
  const { definition, schedules: heard, standby } = snapshot.context;
  const phase = phaseOf(snapshot.value);
  const schedules = definition?.schedules ?? null;
  if (schedules === null || phase === 'deleted') return null;
  return {
    schedules,
    // A guest that somebody has woken, or put to sleep, since a minute came owes that minute nothing.
    heard: {
      standby: later(heard.standby, standby.awake_since),
      wake: later(heard.wake, standby.asleep_since),
      snapshot: heard.snapshot,
    },
    fulfilled: fulfilledIn(snapshot, phase),
  };
}

function fulfilledIn(snapshot: ChartSnapshot, phase: ReturnType<typeof phaseOf>): readonly ScheduleName[] {
  if (phase === 'running') return WAKE;
  // One that is about to be woken is told, and sleeps on.
  return phase === 'standby' && !snapshot.matches({ lifecycle: { standby: 'waking' } }) ? STANDBY : NONE;
}

const WAKE: readonly ScheduleName[] = ['wake'];
const STANDBY: readonly ScheduleName[] = ['standby'];
const NONE: readonly ScheduleName[] = [];

function later(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}
