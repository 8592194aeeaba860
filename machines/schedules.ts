import type { ChartContext } from './context.ts';
import type { Definition, ScheduleName } from './definition.ts';
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

/** Schedules whose minutes nothing comes of, each with the cause that `schedule.skipped` would tell. */
export type VainSchedules = Readonly<Partial<Record<ScheduleName, string>>>;

/**
 * Those of which nothing comes until somebody says otherwise, by a command or another policy. What passes by itself (a
 * connection, a boot under way, maintenance of the host) is left out: the next minute may find it gone.
 */
export function vainSchedules(
  { value, context }: { readonly value: ChartSnapshot['value']; readonly context: Pick<ChartContext, 'intent'> },
  { schedules, auto_standby, network }: Pick<Definition, 'schedules' | 'auto_standby' | 'network'>,
): VainSchedules {
  const { wanted } = context.intent;
  const phase = phaseOf(value);
  const causeOf = (name: ScheduleName): string | null => {
    if (wanted === 'ignore') return 'ignore';
    // Whoever stopped it, or left a fork asleep, did not ask for it to be woken.
    if (name === 'wake') return wanted === 'stopped' ? 'not wanted' : null;
    const isDown = wanted === 'stopped' && phase !== 'standby';
    if (name === 'snapshot') return isDown ? 'state' : null;
    if (isDown) return 'not running';
    // Whose connections nobody counts stays awake.
    if (auto_standby?.enabled !== true) return 'no policy';
    return network.enabled ? null : 'ineligible';
  };
  const given = Object.entries(schedules ?? {}).flatMap(([name, times]) =>
    times === undefined ? [] : [name as ScheduleName],
  );
  return Object.fromEntries(given.flatMap((name) => (causeOf(name) === null ? [] : [[name, causeOf(name)]])));
}
