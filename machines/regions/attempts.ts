import { NO_RESTARTS } from '../context.ts';
import { nextAttemptDue } from '../rules.ts';
import { chart } from '../setup.ts';

/** What the restart region does about its budget: count an attempt, schedule one, block, or open a new window. */

const countAttempt = (cause: 'exit' | 'health') => [
  chart.assign(({ context, event }) => ({
    restart: {
      ...context.restart,
      attempts: context.restart.attempts + 1,
      last_attempt_at: event.at,
      next_attempt_at: null,
      last_reason: cause === 'health' ? ('health_check_failed' as const) : null,
    },
  })),
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

export const schedule = (cause: 'exit' | 'health') => [
  chart.assign(({ context, event }) => ({
    restart: {
      ...context.restart,
      next_attempt_at: nextAttemptDue(context, event.at),
      last_reason: cause === 'health' ? ('health_check_failed' as const) : null,
    },
  })),
  chart.emit(({ context, event }) => ({
    type: 'restart.scheduled' as const,
    attempt: context.restart.attempts + 1,
    due: nextAttemptDue(context, event.at),
    cause,
  })),
];

export const block = [
  chart.assign(({ context }) => ({
    restart: { ...context.restart, next_attempt_at: null, blocked_reason: 'max_attempts_exceeded' as const },
  })),
  chart.emit({ type: 'restart.blocked', reason: 'max_attempts_exceeded' }),
];

export const reset = (cause: string) => [
  chart.assign({ restart: NO_RESTARTS }),
  chart.emit({ type: 'restart.reset', cause }),
];

export const suppress = [
  chart.assign({ restart: { ...NO_RESTARTS, blocked_reason: 'manual_stop' as const } }),
  chart.emit({ type: 'restart.blocked', reason: 'manual_stop' }),
];

export const cancelNext = chart.assign(({ context }) => ({ restart: { ...context.restart, next_attempt_at: null } }));
