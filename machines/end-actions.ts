import { intend, intendQuietly } from './actions.ts';
import type { ChartContext, StopCause, StopContext } from './context.ts';
import type { RunEnd } from './events.ts';
import { endIn, unplanned } from './guards.ts';
import { endedInFailure } from './rules.ts';
import { giveUpMinute } from './schedule-actions.ts';
import { type ChartEvent, chart } from './setup.ts';

/** How a run's end is asked for, what is to follow it, and how a confirmed end is recorded. */

function endedRun(context: ChartContext, event: ChartEvent): Partial<ChartContext> {
  const told = endIn(event) ?? { reason: 'unknown' as const, code: null, message: null, ended_at: null };
  const exit = { ...told, ...OVERRULED[context.stop?.cause ?? 'operator'] };
  const planned = !unplanned({ context, event });
  return { run: { ...context.run, ended: true, planned, exit: { ...exit, ended_at: exit.ended_at ?? event.at } } };
}

/** Ends that we brought about for a guest that would not come up: that it was killed is not what matters of them. */
const OVERRULED: { readonly [C in StopCause]?: Partial<RunEnd> } = {
  boot_timeout: { reason: 'boot_timeout', code: null },
  unanswered: { reason: 'crashed', code: null, message: 'the restored guest did not answer' },
};

/** Records the confirmed end of the present run and keeps it to itself: nothing follows from it. */
export const noteEndQuietly = [
  giveUpMinute('run ended'),
  chart.assign(({ context, event }) => endedRun(context, event)),
  chart.emit(({ context }) => ({
    type: 'instance.ended' as const,
    run: context.run.number,
    planned: context.run.planned,
    reason: context.run.exit?.reason ?? 'unknown',
    code: context.run.exit?.code ?? null,
    message: context.run.exit?.message ?? null,
    ended_at: context.run.exit?.ended_at ?? null,
  })),
];

/** Records the confirmed end of the present run and tells the other regions. Must precede anything that begins a run. */
export const noteEnd = [
  ...noteEndQuietly,
  chart.raise(({ context, event }) => ({
    type: 'run.ended' as const,
    at: event.at,
    planned: context.run.planned,
    failed: context.run.exit === null || endedInFailure(context.run.exit),
    reason: context.run.exit?.reason ?? 'unknown',
    code: context.run.exit?.code ?? null,
    next: context.stop?.next ?? 'rest',
  })),
];

export const forgetStop = chart.assign({ stop: null });

/** A snapshot is good for one restore: once its guest runs again, or never will, it goes. */
export const dropSnapshot = chart.enqueueActions(({ context, enqueue }) => {
  if (context.snapshot === null) return;
  enqueue({ type: 'ask', params: { kind: 'snapshot.drop', run: context.run.number, snapshot: context.snapshot.name } });
  enqueue.assign({
    snapshot: null,
    put_away: null,
    standby: { ...context.standby, asleep_since: null, request: null },
  });
});

export function beginStop(cause: StopCause, next: StopContext['next']) {
  return [
    giveUpMinute(cause),
    chart.assign(({ event }) => ({ stop: { cause, next, force: event.type === 'stop' && event.force === true } })),
    chart.emit(({ context, event }) => ({
      type: 'instance.stop_requested' as const,
      run: context.run.number,
      cause,
      force: event.type === 'stop' && event.force === true,
    })),
    chart.raise(({ event }) => ({ type: 'run.leaving' as const, at: event.at })),
  ];
}

/** What is being ended is not followed by another run. */
export const restAfterStop = chart.assign(({ context }) => ({
  stop: context.stop === null ? null : { ...context.stop, next: 'rest' as const },
}));

/** A stop that may not wait, about an end already under way: what follows it stays. */
export const hasten = chart.assign(({ context }) => ({
  stop: context.stop === null ? null : { ...context.stop, force: true },
}));

/** Somebody wants it up whose memory is being put away: it wakes as soon as it sleeps. */
const wakeNext = chart.assign(({ context }) => ({
  stop: context.stop === null ? null : { ...context.stop, next: 'wake' as const },
}));
export const startAfterwards = [...intend('running'), wakeNext];
export const restoreAfterwards = [...intendQuietly('running'), wakeNext];

/** Its restore is being undone, or nobody knows what became of it: its guest is to be taken up all the same. */
export const wakeAgainAfterwards = redirectStop('restart', 'wake');

/** What is being put away sleeps on. */
export const sleepAfterwards = chart.assign(({ context }) => ({
  stop: context.stop === null ? null : { ...context.stop, next: 'standby' as const },
}));

/** Another word about a stop already under way, or about the end of a run that is out of sight. */
export function redirectStop(cause: StopCause, next: StopContext['next']) {
  return chart.assign(({ context, event }) => ({
    stop: { cause, next, force: (event.type === 'stop' && event.force === true) || context.stop?.force === true },
  }));
}

export const noteKillRequested = chart.emit(({ context }) => ({
  type: 'instance.kill_requested' as const,
  run: context.run.number,
  cause: context.stop?.cause ?? 'operator',
}));
