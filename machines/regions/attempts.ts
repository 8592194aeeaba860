import {
  ATTEMPT_DETAIL_MAX_CHARS,
  type Attempt,
  type ChartContext,
  NO_RESTARTS,
  RESTART_HISTORY_MAX,
} from '../context.ts';
import { gateEnd, nextAttemptDue } from '../rules.ts';
import { chart } from '../setup.ts';

/** What the restart region does about its budget: count an attempt, schedule one, block, or open a new window. */

type AttemptCause = Attempt['cause'];

/**
 * The word that hypeman's clients know for a failure that is not an end. It goes when the restart has succeeded: a boot that
 * fails in between is followed by another attempt at the same restart.
 */
const reasonAfter = (cause: AttemptCause, { restart }: ChartContext) =>
  cause === 'health' ? ('health_check_failed' as const) : restart.last_reason;

/** How the run ended that this attempt answers, or what the last probe said. */
function detailOf({ run, health }: ChartContext, cause: AttemptCause): string {
  const { reason = 'unknown', code = null, message = null } = run.exit ?? {};
  const end = `${reason}${code === null ? '' : `, code ${code}`}${message === null ? '' : ` (${message})`}`;
  const detail = cause === 'health' ? (health.last_error ?? '') : end;
  // Never half of a character that takes two.
  return detail.slice(0, ATTEMPT_DETAIL_MAX_CHARS).replace(/[\uD800-\uDBFF]$/, '');
}

function counted(context: ChartContext, at: number, cause: AttemptCause): ChartContext['restart'] {
  const { attempts, history } = context.restart;
  const attempt = { attempt: attempts + 1, at, cause, detail: detailOf(context, cause) };
  return {
    ...context.restart,
    attempts: attempt.attempt,
    last_attempt_at: at,
    next_attempt_at: null,
    last_reason: reasonAfter(cause, context),
    restarted_at: at,
    history: [...history, attempt].slice(-RESTART_HISTORY_MAX),
  };
}

const countAttempt = (cause: AttemptCause) => [
  chart.assign(({ context, event }) => ({ restart: counted(context, event.at, cause) })),
  chart.emit(({ context }) => ({ type: 'restart.attempted' as const, attempt: context.restart.attempts, cause })),
];

export const bootNow = [
  ...countAttempt('exit'),
  chart.raise(({ event }) => ({ type: 'boot.wanted' as const, at: event.at, cause: 'restart_policy' })),
];

export const restartNow = [
  ...countAttempt('health'),
  chart.raise(({ event }) => ({ type: 'restart.wanted' as const, at: event.at, cause: 'health' })),
];

/** No attempt, but an automatic restart all the same: the guest gets its time before its health may ask for another. */
export const bootAfterReboot = [
  chart.assign(({ context, event }) => ({ restart: { ...context.restart, restarted_at: event.at } })),
  chart.raise(({ event }) => ({ type: 'boot.wanted' as const, at: event.at, cause: 'host_reboot' })),
];

export const schedule = (cause: AttemptCause) => [
  chart.assign(({ context, event }) => ({
    restart: {
      ...context.restart,
      next_attempt_at: nextAttemptDue(context, event.at),
      last_reason: reasonAfter(cause, context),
    },
  })),
  chart.emit(({ context, event }) => ({
    type: 'restart.scheduled' as const,
    attempt: context.restart.attempts + 1,
    due: nextAttemptDue(context, event.at),
    cause,
  })),
];

/** Too soon after the last restart: decided again when its stability period is over, and not attempted before. */
export const holdForStability = [
  chart.assign(({ context, event }) => ({
    restart: {
      ...context.restart,
      next_attempt_at: Math.max(gateEnd(context), nextAttemptDue(context, event.at)),
      last_reason: reasonAfter('health', context),
    },
  })),
  chart.emit(({ context }) => ({
    type: 'restart.gated' as const,
    attempt: context.restart.attempts + 1,
    until: gateEnd(context),
  })),
];

export const block = (cause: AttemptCause) => [
  chart.assign(({ context }) => ({
    restart: {
      ...context.restart,
      next_attempt_at: null,
      blocked_reason: 'max_attempts_exceeded' as const,
      last_reason: reasonAfter(cause, context),
    },
  })),
  chart.emit({ type: 'restart.blocked', reason: 'max_attempts_exceeded' }),
];

/** A window of which nothing is left but what outlives every window. */
function freshWindow({ restart: { restarted_at, history } }: ChartContext): ChartContext['restart'] {
  return { ...NO_RESTARTS, restarted_at, history };
}

export const reset = (cause: string) => [
  chart.assign(({ context }) => ({ restart: freshWindow(context) })),
  chart.emit({ type: 'restart.reset', cause }),
];

/** A new window for an attempt that is pending or under way: it goes on as it is, and is the first of its window. */
export const renew = [
  chart.assign(({ context }) => ({
    restart: {
      ...freshWindow(context),
      next_attempt_at: context.restart.next_attempt_at,
      last_reason: context.restart.last_reason,
    },
  })),
  chart.emit({ type: 'restart.reset', cause: 'operator' }),
];

export const suppress = [
  chart.assign(({ context }) => ({ restart: { ...freshWindow(context), blocked_reason: 'manual_stop' as const } })),
  chart.emit({ type: 'restart.blocked', reason: 'manual_stop' }),
];

/** What was pending is void, and with it the reason for it. */
export const cancelNext = chart.assign(({ context }) => ({
  restart: { ...context.restart, next_attempt_at: null, last_reason: null },
}));

/** The restart has succeeded: what it was made for belongs to it and to no later end. */
export const settle = chart.assign(({ context }) => ({ restart: { ...context.restart, last_reason: null } }));
