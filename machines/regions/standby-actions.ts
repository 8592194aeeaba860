import type { ChartContext } from '../context.ts';
import type { Effect } from '../effects.ts';
import { heldBackBy } from '../rules.ts';
import { chart, idleDue, type Moment } from '../setup.ts';
import { heldUntil } from '../wakefulness.ts';

/** What the standby region remembers of traffic, tells of its countdown, and asks of the host. */

export const ofThisRun = ({ context, event }: Moment): boolean =>
  'run' in event && event.run === context.run.number && !context.run.ended;

/** A connection that counts, or the word of one: nothing is idle before it. */
export const noteActive = chart.assign(({ context, event }) => ({
  standby: { ...context.standby, idle_since: null, last_activity_at: event.at },
}));

/**
 * Since when nothing counts, as the source knows it: not before the guest was last seen awake or active, and not in the
 * future, whatever a clock that was set says.
 */
export const noteIdle = chart.assign(({ context, event }) => {
  const { awake_since, last_activity_at } = context.standby;
  const told = event.type === 'traffic.idle' ? (event.since ?? event.at) : event.at;
  const earliest = Math.max(awake_since ?? context.run.ready_at ?? 0, last_activity_at ?? 0);
  return { standby: { ...context.standby, idle_since: Math.min(event.at, Math.max(told, earliest)) } };
});

/** What was counted so far proves nothing: from here anew. */
export const restartIdle = chart.assign(({ context, event }) => ({
  standby: { ...context.standby, idle_since: event.at, request: null },
}));

export const noteObserver = (observer: 'ok' | 'lost') =>
  chart.assign(({ context }) => ({ standby: { ...context.standby, observer, idle_since: null } }));

/** The guest is up, for the first time or again. */
export const noteAwake = chart.assign(({ context, event }) => ({
  standby: { ...context.standby, idle_since: null, awake_since: event.at },
}));

/** What a run leaves behind is nobody's: but for why it sleeps, if it does. */
export const forget = chart.assign(({ context, event }) => ({
  standby: {
    ...context.standby,
    idle_since: null,
    hold_until: null,
    last_activity_at: null,
    awake_since: null,
    request: event.type === 'run.ended' && event.next === 'standby' ? context.standby.request : null,
  },
}));

/** Out of running, perhaps not for good: a promise to stay awake outlasts a moment in which the guest was lost. */
export const pauseTracking = chart.assign(({ context }) => ({ standby: { ...context.standby, idle_since: null } }));

export const sayCountdown = chart.emit(({ context, event }) => ({
  type: 'standby.countdown_started' as const,
  idle_since: context.standby.idle_since ?? event.at,
  due: idleDue(context, event.at),
}));

export const sayCancelled = (cause: string) => chart.emit({ type: 'standby.countdown_cancelled', cause });

/** What was on its way to standby, and has not begun, is called off: for a countdown, or the minute of a schedule. */
export const callOff = (cause?: string) =>
  chart.enqueueActions(({ context, enqueue }) => {
    const told = cause ?? heldBackBy(context);
    if (context.standby.request === 'schedule') {
      enqueue.emit({ type: 'schedule.skipped', schedule: 'standby', cause: told });
    } else enqueue.emit({ type: 'standby.countdown_cancelled', cause: told });
    enqueue.assign({ standby: { ...context.standby, request: null } });
  });

export const skipScheduled = (cause: string) => chart.emit({ type: 'schedule.skipped', schedule: 'standby', cause });

export const request = (why: 'idle' | 'schedule') =>
  chart.assign(({ context }) => ({ standby: { ...context.standby, request: why } }));

/** A turn is asked for once; whoever asks again keeps its place. */
export const openSlot = chart.assign(({ context, event }) => ({
  standby: { ...context.standby, slot: { since: event.at, reason: null, retry_at: null } },
}));

export const closeSlot = chart.assign(({ context }) => ({ standby: { ...context.standby, slot: null } }));

export const askSlot = [
  chart.assign(({ context }) => ({
    standby: {
      ...context.standby,
      slot: context.standby.slot === null ? null : { ...context.standby.slot, reason: null, retry_at: null },
    },
  })),
  {
    type: 'ask' as const,
    params: ({ context }: { context: ChartContext }): Effect => ({
      kind: 'host.admit',
      run: context.run.number,
      purpose: 'standby',
    }),
  },
];

export const forStandby = ({ event }: Moment): boolean =>
  (event.type === 'room.granted' || event.type === 'room.held') && event.purpose === 'standby';

export const noteSlotHeld = [
  chart.assign(({ context, event }) => {
    const { slot } = context.standby;
    if (event.type !== 'room.held' || slot === null) return {};
    return { standby: { ...context.standby, slot: { ...slot, reason: event.reason, retry_at: event.retry_at } } };
  }),
  chart.emit(({ context }) => ({
    type: 'host.held' as const,
    run: context.run.number,
    purpose: 'standby' as const,
    reason: context.standby.slot?.reason ?? ('standby_slots' as const),
    retry_at: context.standby.slot?.retry_at ?? 0,
  })),
];

export const askConfirmation = {
  type: 'ask' as const,
  params: ({ context }: { context: ChartContext }): Effect => ({ kind: 'traffic.confirm', run: context.run.number }),
};

export const abandonFor = (cause?: string) =>
  chart.raise(({ context, event }) => ({
    type: 'standby.abandoned' as const,
    at: event.at,
    cause: cause ?? heldBackBy(context),
  }));

export const scheduled = ({ context }: Moment): boolean => context.standby.request === 'schedule';

/** Somebody has asked that it stay awake for longer. */
export const held = ({ context, event }: Moment): boolean => heldUntil(context, event.at) !== null;
