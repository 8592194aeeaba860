import { all, automatic, ignored, not } from '../guards.ts';
import type { RestartVerdict } from '../rules.ts';
import { chart, type Moment } from '../setup.ts';
import {
  answersAdmission,
  askHost,
  dropAdmission,
  grantedFor,
  noteHeld,
  openAdmission,
  passOn,
  waitFor,
  waitsForHealth,
} from './admission.ts';
import {
  block,
  bootAfterReboot,
  bootNow,
  cancelNext,
  holdForStability,
  renew,
  reset,
  restartNow,
  schedule,
  settle,
  suppress,
} from './attempts.ts';
import {
  afterEnd,
  anotherRunFollows,
  atRest,
  goesOnUnjudged,
  goesOnWithWindow,
  hasAttempts,
  hasOpenWindow,
  hasWindow,
  hasWindowAndPolicy,
  heldBack,
  heldByHealth,
  noLonger,
  provesNothing,
  stillUnhealthy,
  stopWanted,
  touchesPolicy,
  turnedHealthy,
  turnedUnhealthy,
  verdictVoid,
  windowOfRunning,
} from './restart-guards.ts';

/**
 * Restart: owns the budget. It hears of ended runs and of health verdicts and decides once, here, whether anything
 * automatic follows. What is to follow needs room on the host, so the host is asked first; an attempt counts only once
 * it is granted. The lifecycle region boots only when this one raises `boot.wanted` or `restart.wanted`.
 */

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
  { guard: verdictIs('exhausted'), target: '#exhausted', actions: block('exit') },
  { guard: verdictIs('attempt'), ...waitFor('restart_policy') },
  { guard: verdictIs('backoff'), target: '#backoff', actions: schedule('exit') },
];

const onEnd = follows(afterEnd);

const judged = (verdictIs: (verdict: RestartVerdict) => (moment: Moment) => boolean) => [
  { guard: verdictIs('exhausted'), target: '#exhausted', actions: block('health') },
  { guard: verdictIs('gated'), target: '#gated', actions: holdForStability },
  { guard: verdictIs('attempt'), ...waitFor('health') },
  { guard: verdictIs('backoff'), target: '#backoff_unhealthy', actions: schedule('health') },
];

const onHealth = judged(turnedUnhealthy);

/** Healthy again, or under another check: what is left of the window goes on. */
const recovered = (guard: (moment: Moment) => boolean) => [
  { guard: (moment: Moment) => guard(moment) && hasAttempts(moment), target: '#probation', actions: cancelNext },
  { guard, target: '#restart_idle', actions: cancelNext },
];

/** Somebody opens a new window: what waits for its turn at rest, or at the host, goes on in it. */
const goesOnRenewed = { guard: hasWindow, actions: renew };
const beginsAnew = { guard: hasWindow, target: '#restart_idle', actions: reset('operator') };

/** Done without: nothing more is owed to this end, or to this verdict. */
const waived = { target: '#waived', actions: cancelNext };

const heldBackNow = { guard: not(automatic), target: '#restart_idle', actions: cancelNext };

/** The host is asked for room, or has none right now: like a backoff, this ends with whatever makes it pointless. */
const admission = {
  id: 'admission',
  initial: 'asking',
  exit: dropAdmission,
  on: {
    'host.granted': [
      {
        guard: (moment: Moment) => answersAdmission(moment) && noLonger(moment),
        target: '#restart_idle',
        actions: cancelNext,
      },
      { guard: grantedFor('restart_policy'), target: '#attempting', actions: bootNow },
      { guard: grantedFor('health'), target: '#attempting', actions: restartNow },
      { guard: grantedFor('host_reboot'), target: '#restart_idle', actions: bootAfterReboot },
    ],
    'host.held': { guard: answersAdmission, target: '#held', actions: noteHeld },
    'health.turned': recovered((moment) => waitsForHealth(moment) && turnedHealthy(moment)),
    'run.ended': [...onEnd, { target: '#restart_idle', actions: cancelNext }],
    'run.leaving': { target: '#restart_idle', actions: cancelNext },
    'intent.changed': onIntent,
    'definition.changed': [
      ...onPolicy,
      { guard: touchesPolicy, target: '#restart_idle', actions: cancelNext },
      ...recovered((moment) => waitsForHealth(moment) && verdictVoid(moment)),
    ],
    'expiry.reached': { target: '#restart_idle', actions: cancelNext },
    'automation.changed': heldBackNow,
    'restart.waived': waived,
    'window.wanted': goesOnRenewed,
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
  on: passOn,
  states: {
    idle: {
      id: 'restart_idle',
      on: {
        'run.ended': onEnd,
        'run.ready': { guard: hasOpenWindow, target: '#probation' },
        'health.turned': [...onHealth, { guard: goesOnWithWindow, target: '#probation' }],
        'intent.changed': onIntent,
        // No verdict is left that a guest would have to recover from: it has its stable time from here.
        'definition.changed': [...onPolicy, { guard: goesOnUnjudged, target: '#probation' }],
        'automation.changed': follows(heldBack),
        'restart.waived': { target: '#waived' },
        'window.wanted': beginsAnew,
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
        'restart.waived': waived,
        'window.wanted': goesOnRenewed,
      },
      states: {
        ended: {},
        /** The guest still runs, unhealthy; healthy again cancels, its end turns this into an ordinary backoff. */
        unhealthy: {
          id: 'backoff_unhealthy',
          exit: settle,
          on: {
            'health.turned': { guard: turnedHealthy, target: '#probation', actions: cancelNext },
            'run.ended': [...onEnd, { target: '#restart_idle', actions: cancelNext }],
            'definition.changed': [...onPolicy, { guard: verdictVoid, target: '#probation', actions: cancelNext }],
            'window.wanted': beginsAnew,
          },
        },
      },
    },
    /** The guest runs, unhealthy, so soon after an automatic restart that another one would prove nothing yet. */
    gated: {
      id: 'gated',
      exit: settle,
      after: { stability_period: [...judged(stillUnhealthy), { target: '#restart_idle', actions: cancelNext }] },
      on: {
        'health.turned': recovered(turnedHealthy),
        'run.ended': [...onEnd, { target: '#restart_idle', actions: cancelNext }],
        'run.leaving': { target: '#restart_idle', actions: cancelNext },
        'intent.changed': onIntent,
        'definition.changed': [...onPolicy, ...recovered(verdictVoid)],
        'expiry.reached': { target: '#restart_idle', actions: cancelNext },
        'automation.changed': heldBackNow,
        'restart.waived': waived,
        'window.wanted': beginsAnew,
      },
    },
    /** Somebody has cancelled the restart that was pending. Whatever happens next is judged by the plain policy again. */
    waived: {
      id: 'waived',
      on: {
        'run.ended': [...onEnd, { target: '#restart_idle' }],
        'run.ready': [{ guard: hasOpenWindow, target: '#probation' }, { target: '#restart_idle' }],
        'health.turned': recovered(turnedHealthy),
        'intent.changed': onIntent,
        'definition.changed': [
          { guard: all(verdictVoid, hasWindowAndPolicy), target: '#restart_idle', actions: reset('policy') },
          ...recovered(verdictVoid),
          { guard: hasWindowAndPolicy, actions: reset('policy') },
        ],
        'window.wanted': [
          { guard: all(windowOfRunning, hasWindow), target: '#restart_idle', actions: reset('operator') },
          { guard: windowOfRunning, target: '#restart_idle' },
          goesOnRenewed,
        ],
      },
    },
    admission,
    attempting: {
      id: 'attempting',
      on: {
        'run.ended': [{ guard: anotherRunFollows }, ...onEnd, { target: '#restart_idle', actions: settle }],
        'run.ready': [
          { guard: hasAttempts, target: '#probation', actions: settle },
          { target: '#restart_idle', actions: settle },
        ],
        'intent.changed': onIntent,
        'definition.changed': onPolicy,
        'window.wanted': goesOnRenewed,
      },
    },
    probation: {
      id: 'probation',
      after: {
        stable: [
          { guard: provesNothing, target: '#probation', reenter: true },
          { target: '#restart_idle', actions: reset('stable') },
        ],
      },
      on: {
        'run.ended': [...onEnd, { target: '#restart_idle' }],
        'run.leaving': { target: '#restart_idle' },
        // Also a verdict that nothing follows for now: an unhealthy guest proves nothing.
        'health.turned': [...onHealth, { guard: not(turnedHealthy), target: '#restart_idle' }],
        'intent.changed': onIntent,
        'definition.changed': onPolicy,
        'window.wanted': beginsAnew,
      },
    },
    exhausted: {
      id: 'exhausted',
      on: {
        // Whoever has used up its budget does not come back because the host went down.
        'run.ended': onEnd.slice(1),
        'run.ready': { target: '#probation', actions: settle },
        'health.turned': { guard: turnedHealthy, target: '#probation', actions: settle },
        'intent.changed': [{ guard: ignored }, ...onIntent],
        'definition.changed': [...onPolicy, { guard: verdictVoid, target: '#probation', actions: settle }],
        // A guest that runs is judged again; one at rest stays down: whoever wants it up starts it.
        'window.wanted': [
          { guard: windowOfRunning, target: '#restart_idle', actions: reset('operator') },
          { target: '#waived', actions: reset('operator') },
        ],
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
