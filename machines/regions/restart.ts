import { NO_RESTARTS } from '../context.ts';
import { automatic, ignored, not } from '../guards.ts';
import { budgetVerdict, mayRestart, type RestartVerdict, verdictAfterEnd, verdictAtRest } from '../rules.ts';
import { chart, type Moment } from '../setup.ts';
import {
  answersAdmission,
  askHost,
  dropAdmission,
  grantedFor,
  noteHeld,
  openAdmission,
  waitFor,
  waitsForHealth,
} from './admission.ts';
import { block, bootNow, cancelNext, reset, restartNow, schedule, suppress } from './attempts.ts';

/**
 * Restart: owns the budget. It hears of ended runs and of health verdicts and decides once, here, whether anything
 * automatic follows. What is to follow needs room on the host, so the host is asked first; an attempt counts only once
 * it is granted. The lifecycle region boots only when this one raises `boot.wanted` or `restart.wanted`.
 */

const afterEnd =
  (verdict: RestartVerdict) =>
  ({ context, event }: Moment): boolean =>
    event.type === 'run.ended' && verdictAfterEnd(context, event, event.at) === verdict;

/** After a change of policy, which opens a new window. */
const atRest =
  (verdict: RestartVerdict) =>
  ({ context, event }: Moment): boolean =>
    touchesPolicy({ context, event }) && verdictAtRest({ ...context, restart: NO_RESTARTS }, event.at) === verdict;

/** What was held back at the end of the last run, decided now. */
const heldBack =
  (verdict: RestartVerdict) =>
  ({ context, event }: Moment): boolean =>
    verdictAtRest(context, event.at) === verdict;

const turnedUnhealthy =
  (verdict: RestartVerdict) =>
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

const bootAfterReboot = chart.raise(({ event }) => ({
  type: 'boot.wanted' as const,
  at: event.at,
  cause: 'host_reboot',
}));

const stopWanted = ({ context }: Moment): boolean => context.intent.wanted === 'stopped';

const hasAttempts = ({ context }: Moment): boolean => context.restart.attempts > 0;

const anotherRunFollows = ({ event }: Moment): boolean => event.type === 'run.ended' && event.next === 'boot';

/** There is something to reset: attempts, a block, or a reason. */
const hasWindow = ({ context }: Moment): boolean =>
  context.restart.attempts > 0 || context.restart.blocked_reason !== null || context.restart.next_attempt_at !== null;

/** A new intent of the user: a stop suppresses everything automatic, a start or restart opens a new window. */
const onIntent = [
  { guard: stopWanted, target: '#suppressed', actions: suppress },
  { guard: ignored, target: '#restart_idle', actions: cancelNext },
  { guard: hasWindow, target: '#restart_idle', actions: reset('command') },
  { target: '#restart_idle' },
];

const onPolicy = [
  {
    guard: atRest('host_reboot'),
    target: '#asking',
    reenter: true,
    actions: [...reset('policy'), openAdmission('host_reboot')],
  },
  {
    guard: atRest('attempt'),
    target: '#asking',
    reenter: true,
    actions: [...reset('policy'), openAdmission('restart_policy')],
  },
  { guard: hasWindowAndPolicy, target: '#restart_idle', actions: reset('policy') },
];

const follows = (verdictIs: (verdict: RestartVerdict) => (moment: Moment) => boolean) => [
  { guard: verdictIs('host_reboot'), ...waitFor('host_reboot') },
  { guard: verdictIs('exhausted'), target: '#exhausted', actions: block },
  { guard: verdictIs('attempt'), ...waitFor('restart_policy') },
  { guard: verdictIs('backoff'), target: '#backoff', actions: schedule('exit') },
];

const onEnd = follows(afterEnd);

const onHealth = [
  { guard: turnedUnhealthy('exhausted'), target: '#exhausted', actions: block },
  { guard: turnedUnhealthy('attempt'), ...waitFor('health') },
  { guard: turnedUnhealthy('backoff'), target: '#backoff_unhealthy', actions: schedule('health') },
];

/** Attempts were made, and somebody may still want to know whether they helped. */
const hasOpenWindow = (moment: Moment): boolean => hasAttempts(moment) && !ignored(moment);

const goesOnWithWindow = (moment: Moment): boolean => turnedHealthy(moment) && hasOpenWindow(moment);

/** Healthy again, or under another check: what is left of the window goes on. */
const recovered = (guard: (moment: Moment) => boolean) => [
  { guard: (moment: Moment) => guard(moment) && hasAttempts(moment), target: '#probation', actions: cancelNext },
  { guard, target: '#restart_idle', actions: cancelNext },
];

const heldBackNow = { guard: not(automatic), target: '#restart_idle', actions: cancelNext };

/** The host is asked for room, or has none right now: like a backoff, this ends with whatever makes it pointless. */
const admission = {
  id: 'admission',
  initial: 'asking',
  exit: dropAdmission,
  on: {
    'host.granted': [
      { guard: (moment: Moment) => answersAdmission(moment) && noLonger(moment), target: '#restart_idle' },
      { guard: grantedFor('restart_policy'), target: '#attempting', actions: bootNow },
      { guard: grantedFor('health'), target: '#attempting', actions: restartNow },
      { guard: grantedFor('host_reboot'), target: '#restart_idle', actions: bootAfterReboot },
    ],
    'host.held': { guard: answersAdmission, target: '#held', actions: noteHeld },
    'health.turned': recovered((moment) => waitsForHealth(moment) && turnedHealthy(moment)),
    'run.ended': [...onEnd, { target: '#restart_idle' }],
    'run.leaving': { target: '#restart_idle' },
    'intent.changed': onIntent,
    'definition.changed': [
      ...onPolicy,
      { guard: touchesPolicy, target: '#restart_idle' },
      ...recovered((moment) => waitsForHealth(moment) && verdictVoid(moment)),
    ],
    'expiry.reached': { target: '#restart_idle' },
    'automation.changed': heldBackNow,
  },
  states: {
    asking: {
      id: 'asking',
      tags: ['waits' as const],
      entry: askHost,
      after: { admission_deadline: { target: '#asking', reenter: true } },
      on: { 'admission.lost': { target: '#asking', reenter: true } },
    },
    held: { id: 'held', after: { admission_retry: { target: '#asking' } } },
  },
} as const;

export const restart = chart.createStateConfig({
  initial: 'idle',
  states: {
    idle: {
      id: 'restart_idle',
      on: {
        'run.ended': onEnd,
        'run.ready': { guard: hasOpenWindow, target: '#probation' },
        'health.turned': [...onHealth, { guard: goesOnWithWindow, target: '#probation' }],
        'intent.changed': onIntent,
        'definition.changed': onPolicy,
        'automation.changed': follows(heldBack),
      },
    },
    backoff: {
      id: 'backoff',
      initial: 'ended',
      after: {
        backoff: [
          { guard: noLonger, target: '#restart_idle', actions: cancelNext },
          { guard: heldByHealth, ...waitFor('health') },
          waitFor('restart_policy'),
        ],
      },
      on: {
        'intent.changed': onIntent,
        'definition.changed': onPolicy,
        'expiry.reached': { target: '#restart_idle', actions: cancelNext },
        'run.leaving': { target: '#restart_idle', actions: cancelNext },
        'automation.changed': heldBackNow,
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
    admission,
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
        // Also a verdict that nothing follows for now: an unhealthy guest proves nothing.
        'health.turned': [...onHealth, { guard: not(turnedHealthy), target: '#restart_idle' }],
        'intent.changed': onIntent,
        'definition.changed': onPolicy,
      },
    },
    exhausted: {
      id: 'exhausted',
      on: {
        // Whoever has used up its budget does not come back because the host went down.
        'run.ended': onEnd.slice(1),
        'run.ready': { target: '#probation' },
        'health.turned': { guard: turnedHealthy, target: '#probation' },
        'intent.changed': [{ guard: ignored }, ...onIntent],
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
