import { z } from 'zod';
import { CHART_VERSION } from './chart.ts';
import { type ChartContext, NO_HOOK, NO_SNAPSHOTS, NO_STANDBY, recordedContextSchema } from './context.ts';
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

const { put_away, ...since4 } = recordedContextSchema.unwrap().shape;
const unchangedSince4 = {
  ...since4,
  origin: z.object({ instance: z.string(), snapshot: z.string() }).readonly().nullable(),
};

/**
 * The context of version 4 forgot the run that was put away as soon as its guest was to be taken up again, and of a fork
 * without memory it did not know that it is one.
 */
const contextOf4 = z.strictObject(unchangedSince4);
type ContextOf4 = z.infer<typeof contextOf4>;

const { standby, snapshots, snapshot_work, origin, schedules, ...unchangedSince3 } = unchangedSince4;

/** The context of version 3 had one snapshot, that of a sleeping guest, and kept no word of why it sleeps. */
const contextOf3 = z.strictObject({
  ...unchangedSince3,
  standby: standby.unwrap().pick({ observer: true, idle_since: true, hold_until: true, last_activity_at: true }),
});
type ContextOf3 = z.infer<typeof contextOf3>;

const { restart, health, ...unchangedSince2 } = contextOf3.shape;

/** The context of version 2 kept no causes of attempts, and did not know since when a guest was unhealthy. */
const contextOf2 = z.strictObject({
  ...unchangedSince2,
  restart: restart.unwrap().omit({ restarted_at: true, history: true }),
  health: health.unwrap().omit({ unhealthy_since: true }),
});

/** The context of version 1 knew nothing of the host and asked it for nothing. */
const contextOf1 = contextOf2.omit({ host: true, admission: true, hook: true });

type States = Readonly<Record<(typeof REGIONS)[number], readonly string[]>>;

/** The states of version 1, region by region. */
const STATES_OF_1: States = {
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

const STATES_OF_2: States = {
  ...STATES_OF_1,
  lifecycle: [...STATES_OF_1.lifecycle, 'quiescing'],
  restart: [...STATES_OF_1.restart, 'admission'],
  expiry: [...STATES_OF_1.expiry, 'held'],
};

const STATES_OF_3: States = { ...STATES_OF_2, restart: [...STATES_OF_2.restart, 'gated', 'waived'] };

const STATES_OF_4: States = {
  ...STATES_OF_3,
  lifecycle: [...STATES_OF_3.lifecycle, 'forking', 'sealing', 'capturing', 'reverting'],
  standby: [...STATES_OF_3.standby, 'queued', 'asleep', 'asleep_held'],
};

type Regions = Readonly<Record<string, unknown>>;

interface Older {
  readonly states: States;
  /** What has become of its lifecycle state. */
  readonly lifecycle: (state: unknown) => unknown;
  /** Its context as version 4 would have written it. Throws on one that it cannot have written. */
  readonly toContextOf4: (context: unknown, regions: Regions) => ContextOf4;
}

const OLDER: Readonly<Record<number, Older>> = {
  1: {
    states: STATES_OF_1,
    lifecycle: lifecycleOf4,
    toContextOf4: (context, regions) => {
      const known = contextOf1.parse(context);
      return from3(from2({ ...known, host: { mode: 'normal' }, admission: null, hook: NO_HOOK }), regions);
    },
  },
  2: {
    states: STATES_OF_2,
    lifecycle: lifecycleOf4,
    toContextOf4: (context, regions) => from3(from2(contextOf2.parse(context)), regions),
  },
  3: {
    states: STATES_OF_3,
    lifecycle: lifecycleOf4,
    toContextOf4: (context, regions) => from3(contextOf3.parse(context), regions),
  },
  4: { states: STATES_OF_4, lifecycle: (state) => state, toContextOf4: (context) => contextOf4.parse(context) },
};

/**
 * Throws on a state that this version did not write, and on a version that there never was. Later versions have added
 * states and taken none away, so an instance goes on in the state it was in, and its timers keep their names.
 */
export function migrate(state: OlderState, from: number): StateData & { readonly timers: readonly PendingTimer[] } {
  if (from === CHART_VERSION) return state as StateData & { readonly timers: readonly PendingTimer[] };
  const older = OLDER[from];
  if (older === undefined) {
    throw new Error(`There is no way from version ${from} of the chart to version ${CHART_VERSION}.`);
  }
  const { value, context, timers } = state;
  requireStates(value, older.states);
  for (const { name } of timers) {
    if (!TIMER_NAMES.includes(name)) throw new Error(`No state waits for the recorded timer ${name}.`);
  }
  const regions = value as Regions;
  return {
    value: { ...regions, lifecycle: older.lifecycle(regions.lifecycle) } as StateData['value'],
    context: from4(older.toContextOf4(context, regions)),
    timers,
  };
}

/** Of a guest that is being taken up nobody has written down what it was before: nothing is shown again of that. */
function from4(context: ContextOf4): Omit<ChartContext, 'definition'> {
  return { ...context, put_away: null };
}

/** Two states have got inner ones since; whoever was in them is at their beginning. */
function lifecycleOf4(lifecycle: unknown): unknown {
  if (lifecycle === 'standby') return { standby: 'sleeping' };
  return lifecycle === 'restoring' ? { restoring: 'taking_up' } : lifecycle;
}

/** The last attempt that is known is the last automatic restart that is; a verdict counts from when it is next asked for. */
function from2(context: z.infer<typeof contextOf2>): ContextOf3 {
  const { restart, health } = context;
  return {
    ...context,
    restart: { ...restart, restarted_at: restart.last_attempt_at, history: [] },
    health: { ...health, unhealthy_since: null },
  };
}

const ON_THE_WAY: readonly unknown[] = ['quiescing', 'snapshotting'];

/**
 * A standby under way is gone on with as what it was begun as: without an operator's word connections still end it. Of a
 * guest that sleeps nobody has written down why.
 */
function from3(context: ContextOf3, { lifecycle, standby: region }: Regions): ContextOf4 {
  const automatic = region === 'confirming' || region === 'requested';
  const underWay =
    ON_THE_WAY.includes(lifecycle) ||
    context.stop?.next === 'standby' ||
    (typeof lifecycle === 'object' && lifecycle !== null && 'pausing' in lifecycle);
  const byOperator = underWay ? ('operator' as const) : null;
  const asleep = lifecycle === 'standby' || lifecycle === 'restoring';
  return {
    ...context,
    ...NO_SNAPSHOTS,
    standby: {
      ...NO_STANDBY,
      ...context.standby,
      request: automatic ? ('idle' as const) : byOperator,
      asleep_since: asleep ? (context.snapshot?.taken_at ?? null) : null,
    },
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
