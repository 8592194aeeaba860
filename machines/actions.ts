import type { ChartContext } from './context.ts';
import { NO_RUN } from './context.ts';
import { type Effect, standbySnapshot } from './effects.ts';
import type { Wanted } from './events.ts';
import { type ChartEvent, chart } from './setup.ts';

/** Actions of the lifecycle region: what it remembers, says (facts), raises for the other regions, and asks for. */

/** Asks for an effect on the present run. */
export function ask(
  kind: Exclude<
    Effect['kind'],
    | 'effect.withdraw'
    | 'vmm.snapshot'
    | 'vmm.restore'
    | 'snapshot.drop'
    | 'snapshot.copy'
    | 'snapshot.fork'
    | 'host.admit'
    | 'hook.run'
  >,
) {
  return {
    type: 'ask' as const,
    params: ({ context }: { context: ChartContext }) => ({ kind, run: context.run.number }) as Effect,
  };
}

export const askSnapshot = {
  type: 'ask' as const,
  params: ({ context }: { context: ChartContext }): Effect => ({
    kind: 'vmm.snapshot',
    run: context.run.number,
    snapshot: snapshotName(context),
  }),
};

export const askRestore = {
  type: 'ask' as const,
  params: ({ context }: { context: ChartContext }): Effect => ({
    kind: 'vmm.restore',
    run: context.run.number,
    snapshot: context.snapshot?.name ?? '',
  }),
};

/** Says that whatever was asked for on the present run, and has not ended yet, is no longer wanted. */
export const withdrawEarlier = {
  type: 'ask' as const,
  params: ({ context }: { context: ChartContext }): Effect => ({ kind: 'effect.withdraw', run: context.run.number }),
};

/** One snapshot per run that went to standby: the run's number names it. */
export function snapshotName(context: ChartContext): string {
  return standbySnapshot(context.run.number);
}

/** Records who wants what. Also a command that changes nothing else leaves this trace. */
export function intend(wanted: Wanted) {
  return [...noteIntent(wanted), chart.raise(({ event }) => ({ type: 'intent.changed' as const, at: event.at }))];
}

/**
 * The same without a new window of restarts: waking up is neither a start nor a restart. Whoever was stopped, and was
 * brought back asleep since, is not stopped any more.
 */
export function intendQuietly(wanted: Wanted) {
  const liftStop = chart.enqueueActions(({ context, event, enqueue }) => {
    if (context.intent.wanted === 'stopped') enqueue.raise({ type: 'intent.changed', at: event.at });
  });
  return [liftStop, ...noteIntent(wanted)];
}

function noteIntent(wanted: Wanted) {
  return [
    tellIfHandsOff(wanted),
    chart.assign(({ event }) => ({ intent: { wanted, by: 'by' in event ? event.by : '', at: event.at } })),
    chart.emit(({ event }) => ({ type: 'intent.changed' as const, wanted, by: 'by' in event ? event.by : '' })),
  ];
}

/** Somebody takes all hands off it, or sets them to work again. */
function tellIfHandsOff(wanted: Wanted) {
  return chart.enqueueActions(({ context, event, enqueue }) => {
    if ((context.intent.wanted === 'ignore') === (wanted === 'ignore')) return;
    enqueue.raise({ type: 'automation.changed', at: event.at, by: 'intent' });
  });
}

export const noteModeQuietly = [
  chart.assign(({ context, event }) => ({
    host: event.type === 'host.mode_changed' ? { mode: event.mode } : context.host,
  })),
  chart.emit(({ context }) => ({ type: 'host.mode_changed' as const, mode: context.host.mode })),
];

export const noteMode = [
  ...noteModeQuietly,
  chart.raise(({ event }) => ({ type: 'automation.changed' as const, at: event.at, by: 'mode' as const })),
];

/** Of what was asked before the daemon ended nobody will answer. */
export const sayAdmissionLost = chart.raise(({ event }) => ({ type: 'admission.lost' as const, at: event.at }));

/** Touches the intent's time only: for accepted commands that state no new intent. */
export const noteCommand = chart.assign(({ context, event }) => ({ intent: { ...context.intent, at: event.at } }));

function nextRun(context: ChartContext, event: ChartEvent, cause: string): Partial<ChartContext> {
  return {
    run: { ...NO_RUN, number: context.run.number + 1, cause, started_at: event.at, ended: false, planned: false },
    put_away: null,
    stop: null,
    trouble: null,
  };
}

const sayBootRequested = chart.emit(({ context }) => ({
  type: 'instance.boot_requested' as const,
  run: context.run.number,
  cause: context.run.cause,
}));

const runBegan = chart.raise(({ event }) => ({ type: 'run.began' as const, at: event.at }));

/** Begins the next run. `cause` falls back to the one a raised event carries. */
export function beginRun(cause?: string) {
  return [
    chart.assign(({ context, event }) =>
      nextRun(context, event, cause ?? ('cause' in event ? event.cause : event.type)),
    ),
    sayBootRequested,
    runBegan,
  ];
}

/** The run after a stop that was asked for with something to follow: the cause of the stop is the cause of the run. */
export const beginFollowingRun = [
  chart.assign(({ context, event }) => nextRun(context, event, context.stop?.cause ?? 'start')),
  sayBootRequested,
  runBegan,
];

/** Begins the run that takes up a sleeping guest's memory. */
export const beginRestore = [
  chart.assign(({ context, event }) => ({ ...nextRun(context, event, 'restore'), put_away: context.run })),
  chart.emit(({ context }) => ({
    type: 'instance.restore_requested' as const,
    run: context.run.number,
    snapshot: context.snapshot?.name ?? '',
  })),
  runBegan,
];

export const noteBootedAt = chart.assign(({ context, event }) => ({
  run: { ...context.run, booted_at: context.run.booted_at ?? event.at },
}));

export const noteBooted = [
  chart.assign(({ context, event }) => ({
    run: {
      ...context.run,
      booted_at: context.run.booted_at ?? event.at,
      pid: event.type === 'effect.done' ? (event.pid ?? null) : context.run.pid,
    },
  })),
  chart.emit(({ context }) => ({ type: 'instance.booted' as const, run: context.run.number, pid: context.run.pid })),
];

export const noteReady = [
  chart.assign(({ context, event }) => ({ run: { ...context.run, ready_at: event.at }, trouble: null })),
  chart.emit(({ context }) => ({ type: 'instance.ready' as const, run: context.run.number })),
  chart.raise(({ event }) => ({ type: 'run.ready' as const, at: event.at })),
];

/** A guest is seen again after it was paused or out of sight: a probe that was under way then speaks of then. */
export const renewWindow = chart.assign(({ context }) => ({
  health: { ...context.health, revision: context.health.revision + 1 },
}));

/** A restored or resumed guest runs again; its first readiness stays on record. */
export const noteResumed = [
  renewWindow,
  chart.assign(({ context, event }) => ({
    run: { ...context.run, ready_at: context.run.ready_at ?? event.at },
    trouble: null,
  })),
  chart.raise(({ event }) => ({ type: 'run.ready' as const, at: event.at })),
];

export const sayClock = chart.emit(({ context, event }) => ({
  type: 'guest.clock_set' as const,
  run: context.run.number,
  drift_ms: event.type === 'effect.done' ? (event.drift_ms ?? null) : null,
}));

export const sayClockNotSet = chart.emit(({ context, event }) => ({
  type: 'guest.clock_not_set' as const,
  run: context.run.number,
  message: troubleIn(event),
}));

/** Remembers what is wrong with the world; counts how often it was asked in vain. */
export const noteTrouble = chart.assign(({ context, event }) => ({
  trouble: { message: troubleIn(event), tries: (context.trouble?.tries ?? -1) + 1 },
}));

export function troubleIn(event: ChartEvent): string {
  switch (event.type) {
    case 'effect.failed':
    case 'effect.unknown':
      return event.error.message;
    case 'vmm.found':
      if (event.found.reality === 'unreachable') return event.found.message;
      return event.found.reality === 'other_run' ? `another run (${event.found.run}) is alive` : event.found.reality;
    case 'vmm.exited':
      return event.message ?? event.reason;
    case 'instance.quarantined':
      return event.error;
    default:
      return event.type.startsWith('xstate.after.') ? 'an operation did not end in time' : event.type;
  }
}

export const sayPrepared = chart.emit({ type: 'instance.prepared' });

export const notePrepareFailed = [
  noteTrouble,
  chart.emit(({ context }) => ({
    type: 'instance.prepare_failed' as const,
    message: context.trouble?.message ?? '',
  })),
];

export const clearTrouble = chart.assign({ trouble: null });

export const sayLost = chart.emit(({ context }) => ({
  type: 'instance.lost' as const,
  run: context.run.number,
  message: context.trouble?.message ?? '',
}));

export const sayFound = chart.emit(({ context }) => ({ type: 'instance.found' as const, run: context.run.number }));

export const sayRebooted = chart.emit(({ context }) => ({ type: 'guest.rebooted' as const, run: context.run.number }));
