import { NO_RESTARTS } from '../context.ts';
import { budgetVerdict, mayRestart, nextAttemptDue, verdictAfterEnd, verdictAtRest } from '../rules.ts';
import { chart, type Moment } from '../setup.ts';

/**
 * Restart: owns the budget. It hears of ended runs and of health verdicts and decides once, here, whether anything
 * automatic follows. The lifecycle region boots only when this one raises `boot.wanted` or `restart.wanted`.
 */

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

const bootNow = [
  ...countAttempt('exit'),
  chart.raise(({ event }) => ({ type: 'boot.wanted' as const, at: event.at, cause: 'restart_policy' })),
];

const restartNow = [
  ...countAttempt('health'),
  chart.raise(({ event }) => ({ type: 'restart.wanted' as const, at: event.at, cause: 'health' })),
];

const schedule = (cause: 'exit' | 'health') => [
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

const block = [
  chart.assign(({ context }) => ({
    restart: { ...context.restart, next_attempt_at: null, blocked_reason: 'max_attempts_exceeded' as const },
  })),
  chart.emit({ type: 'restart.blocked', reason: 'max_attempts_exceeded' }),
];

const reset = (cause: string) => [chart.assign({ restart: NO_RESTARTS }), chart.emit({ type: 'restart.reset', cause })];

const suppress = [
  chart.assign({ restart: { ...NO_RESTARTS, blocked_reason: 'manual_stop' as const } }),
  chart.emit({ type: 'restart.blocked', reason: 'manual_stop' }),
];

const cancelNext = chart.assign(({ context }) => ({ restart: { ...context.restart, next_attempt_at: null } }));

const afterEnd =
  (verdict: string) =>
  ({ context, event }: Moment): boolean =>
    event.type === 'run.ended' && verdictAfterEnd(context, event, event.at) === verdict;

const atRest =
  (verdict: string) =>
  ({ context, event }: Moment): boolean =>
    touchesPolicy({ context, event }) && verdictAtRest({ ...context, restart: NO_RESTARTS }, event.at) === verdict;

const turnedUnhealthy =
  (verdict: string) =>
  ({ context, event }: Moment): boolean =>
    event.type === 'health.turned' && event.to === 'unhealthy' && budgetVerdict(context, event.at) === verdict;

const turnedHealthy = ({ event }: Moment): boolean => event.type === 'health.turned' && event.to === 'healthy';

const touchesPolicy = ({ event }: Moment): boolean =>
  event.type === 'definition.changed' && event.parts.includes('restart_policy');

const touchesCheck = ({ event }: Moment): boolean =>
  event.type === 'definition.changed' && event.parts.includes('health_check');

/** Another check, or none: the verdict of the old one no longer stands. */
const verdictVoid = ({ context, event }: Moment): boolean =>
  event.type === 'definition.changed' && event.up && touchesCheck({ context, event });

const hasWindowAndPolicy = (moment: Moment): boolean => touchesPolicy(moment) && hasWindow(moment);

/** The backoff under way holds back a health restart: the guest still runs. */
const heldByHealth = ({ context }: Moment): boolean => context.restart.last_reason !== null;

/** What was allowed when the attempt was scheduled may not be any more: the instance expires at this very instant. */
const noLonger = ({ context, event }: Moment): boolean => !mayRestart(context, event.at);

const stopWanted = ({ context }: Moment): boolean => context.intent.wanted === 'stopped';

const hasAttempts = ({ context }: Moment): boolean => context.restart.attempts > 0;

const anotherRunFollows = ({ event }: Moment): boolean => event.type === 'run.ended' && event.next === 'boot';

/** There is something to reset: attempts, a block, or a reason. */
const hasWindow = ({ context }: Moment): boolean =>
  context.restart.attempts > 0 || context.restart.blocked_reason !== null || context.restart.next_attempt_at !== null;

/** The host went down under it: coming back is not an attempt. */
const hostRebooted = ({ context, event }: Moment): boolean =>
  event.type === 'run.ended' && !event.planned && event.reason === 'host_reboot' && mayRestart(context, event.at);

/** A new intent of the user: a stop suppresses everything automatic, a start or restart opens a new window. */
const onIntent = [
  { guard: stopWanted, target: '#suppressed', actions: suppress },
  { guard: hasWindow, target: '#restart_idle', actions: reset('command') },
  { target: '#restart_idle' },
];

const onPolicy = [
  { guard: atRest('attempt'), target: '#attempting', actions: [...reset('policy'), ...bootNow] },
  { guard: hasWindowAndPolicy, target: '#restart_idle', actions: reset('policy') },
];

const onEnd = [
  {
    guard: hostRebooted,
    target: '#restart_idle',
    actions: chart.raise(({ event }) => ({ type: 'boot.wanted' as const, at: event.at, cause: 'host_reboot' })),
  },
  { guard: afterEnd('exhausted'), target: '#exhausted', actions: block },
  { guard: afterEnd('attempt'), target: '#attempting', actions: bootNow },
  { guard: afterEnd('backoff'), target: '#backoff', actions: schedule('exit') },
];

const onHealth = [
  { guard: turnedUnhealthy('exhausted'), target: '#exhausted', actions: block },
  { guard: turnedUnhealthy('attempt'), target: '#attempting', actions: restartNow },
  { guard: turnedUnhealthy('backoff'), target: '#backoff_unhealthy', actions: schedule('health') },
];

export const restart = chart.createStateConfig({
  initial: 'idle',
  states: {
    idle: {
      id: 'restart_idle',
      on: {
        'run.ended': onEnd,
        'run.ready': { guard: hasAttempts, target: '#probation' },
        'health.turned': onHealth,
        'intent.changed': onIntent,
        'definition.changed': onPolicy,
      },
    },
    backoff: {
      id: 'backoff',
      initial: 'ended',
      after: {
        backoff: [
          { guard: noLonger, target: '#restart_idle', actions: cancelNext },
          { guard: heldByHealth, target: '#attempting', actions: restartNow },
          { target: '#attempting', actions: bootNow },
        ],
      },
      on: {
        'intent.changed': onIntent,
        'definition.changed': onPolicy,
        'expiry.reached': { target: '#restart_idle', actions: cancelNext },
        'run.leaving': { target: '#restart_idle', actions: cancelNext },
      },
      states: {
        ended: {},
        /** The guest still runs, unhealthy; healthy again cancels, its end turns this into an ordinary backoff. */
        unhealthy: {
          id: 'backoff_unhealthy',
          on: {
            'health.turned': { guard: turnedHealthy, target: '#probation', actions: cancelNext },
            'run.ended': [...onEnd, { target: '#restart_idle', actions: cancelNext }],
            'definition.changed': [...onPolicy, { guard: verdictVoid, target: '#probation', actions: cancelNext }],
          },
        },
      },
    },
    attempting: {
      id: 'attempting',
      on: {
        'run.ended': [{ guard: anotherRunFollows }, ...onEnd, { target: '#restart_idle' }],
        'run.ready': { target: '#probation' },
        'intent.changed': onIntent,
        'definition.changed': onPolicy,
      },
    },
    probation: {
      id: 'probation',
      after: { stable: { target: '#restart_idle', actions: reset('stable') } },
      on: {
        'run.ended': [...onEnd, { target: '#restart_idle' }],
        'run.leaving': { target: '#restart_idle' },
        'health.turned': onHealth,
        'intent.changed': onIntent,
        'definition.changed': onPolicy,
      },
    },
    exhausted: {
      id: 'exhausted',
      on: {
        'run.ended': onEnd,
        'run.ready': { target: '#probation' },
        'health.turned': { guard: turnedHealthy, target: '#probation' },
        'intent.changed': onIntent,
        'definition.changed': [...onPolicy, { guard: verdictVoid, target: '#probation' }],
      },
    },
    suppressed: {
      id: 'suppressed',
      on: {
        'intent.changed': [{ guard: stopWanted }, { target: '#restart_idle', actions: reset('command') }],
      },
    },
  },
});
