import { z } from 'zod';
import { CHART_VERSION } from './chart.ts';
import { NO_HOOK, recordedContextSchema } from './context.ts';
import type { PendingTimer } from './record.ts';
import { type ChartSnapshot, type StateData, type Step, TIMER_NAMES } from './step.ts';

/**
 * What an older version of the chart has left behind, as the present one understands it. Pure: the runtime appends a
 * record `chart.upgraded` with the result before anything else happens to the instance. A state that its chart cannot
 * have written is refused, never guessed at.
 */

export interface OlderState {
  readonly value: unknown;
  readonly context: unknown;
  readonly timers: readonly PendingTimer[];
}

const REGIONS = ['lifecycle', 'restart', 'health', 'standby', 'expiry'] as const;

/** The context of version 1 knew nothing of the host and asked it for nothing. */
const contextOf1 = z
  .strictObject(recordedContextSchema.unwrap().shape)
  .omit({ host: true, admission: true, hook: true });

/** The states of version 1, region by region. */
const STATES_OF_1: Readonly<Record<(typeof REGIONS)[number], readonly string[]>> = {
  lifecycle: [
    'absent',
    'preparing',
    'stopped',
    'booting',
    'running',
    'pausing',
    'snapshotting',
    'resuming',
    'restoring',
    'standby',
    'stopping',
    'failed',
    'lost',
    'quarantined',
    'deleting',
    'deleted',
  ],
  restart: ['idle', 'backoff', 'attempting', 'probation', 'exhausted', 'suppressed'],
  health: ['disabled', 'unknown', 'starting', 'healthy', 'unhealthy'],
  standby: ['disabled', 'ineligible', 'active', 'countdown', 'confirming', 'requested', 'blind'],
  expiry: ['none', 'armed', 'due'],
};

/** Throws on a state that this version did not write, and on a version that there never was. */
export function migrate(state: OlderState, from: number): StateData & { readonly timers: readonly PendingTimer[] } {
  if (from === CHART_VERSION) return state as StateData & { readonly timers: readonly PendingTimer[] };
  if (from !== 1) throw new Error(`There is no way from version ${from} of the chart to version ${CHART_VERSION}.`);
  return from1(state);
}

/** Version 2 adds states and takes none away, so an instance goes on in the state it was in. */
function from1({ value, context, timers }: OlderState): ReturnType<typeof migrate> {
  requireStates(value, STATES_OF_1);
  for (const { name } of timers) {
    if (!TIMER_NAMES.includes(name)) throw new Error(`No state waits for the recorded timer ${name}.`);
  }
  return {
    value: value as StateData['value'],
    context: { ...contextOf1.parse(context), host: { mode: 'normal' }, admission: null, hook: NO_HOOK },
    timers,
  };
}

function requireStates(value: unknown, states: Readonly<Record<string, readonly string[]>>): void {
  const regions = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const unknown = Object.keys(regions).find((region) => !(region in states));
  if (unknown !== undefined) throw new Error(`The recorded state has a region ${unknown} that its chart did not have.`);
  for (const [region, known] of Object.entries(states)) {
    if (!(region in regions)) throw new Error(`The recorded state has no region ${region}.`);
    const state = regions[region];
    const name = typeof state === 'string' ? state : Object.keys(state as object)[0];
    if (name === undefined || !known.includes(name)) {
      throw new Error(`The recorded state has no ${region} that its chart knew: ${name}.`);
    }
  }
}

/** What the record of an upgrade says: the same instance, all of its timers armed again for the same instants. */
export function upgradeStep(migrated: ChartSnapshot, timers: readonly PendingTimer[]): Step {
  return {
    accepted: true,
    next: migrated,
    facts: [],
    effects: [],
    armed: timers.map(({ name, due }) => ({ name, due })),
    cancelled: [],
  };
}
