import type { ChartContext } from '../context.ts';
import { automatic } from '../guards.ts';
import { definitionOf, outOfGrace } from '../rules.ts';
import { type ChartEvent, chart, type Moment } from '../setup.ts';

/**
 * Health: owns probe results. A result counts only in the window it was taken in (run + revision of the check).
 * Counters saturate at their thresholds, so that a steady guest, healthy or not, changes nothing.
 */

const checkOf = (context: ChartContext) => context.definition?.health_check ?? null;

const hasCheck = ({ context }: Moment): boolean => checkOf(context) !== null;

const touchesCheck = ({ event }: Moment): boolean =>
  event.type === 'definition.changed' && event.parts.includes('health_check');

const touchesRestartPolicy = ({ event }: Moment): boolean =>
  event.type === 'definition.changed' && event.parts.includes('restart_policy');

const checkRemoved = (moment: Moment): boolean => touchesCheck(moment) && !hasCheck(moment);

const inWindow = ({ context, event }: Moment): boolean =>
  'window' in event &&
  event.window.run === context.run.number &&
  event.window.revision === context.health.revision &&
  !context.run.ended;

const openWindow = chart.assign(({ context, event }) => ({
  health: {
    ...context.health,
    window_started_at: windowStart(context, event),
    successes: 0,
    failures: 0,
    last_error: null,
  },
}));

const passes = ({ context, event }: Moment): boolean => {
  const threshold = checkOf(context)?.success_threshold ?? 1;
  return inWindow({ context, event }) && (context.health.successes < threshold || context.health.failures > 0);
};

const enoughPasses = ({ context, event }: Moment): boolean => {
  const threshold = checkOf(context)?.success_threshold ?? 1;
  return inWindow({ context, event }) && context.health.successes + 1 >= threshold;
};

const fails = ({ context, event }: Moment): boolean => {
  const threshold = checkOf(context)?.failure_threshold ?? 1;
  return inWindow({ context, event }) && (context.health.failures < threshold || context.health.successes > 0);
};

const enoughFailures = (moment: Moment): boolean => {
  const threshold = checkOf(moment.context)?.failure_threshold ?? 1;
  return (
    inWindow(moment) && outOfGrace(moment.context, moment.event.at) && moment.context.health.failures + 1 >= threshold
  );
};

const countPass = chart.assign(({ context }) => ({
  health: {
    ...context.health,
    successes: Math.min(context.health.successes + 1, definitionOf(context).health_check?.success_threshold ?? 1),
    failures: 0,
    last_error: null,
  },
}));

const countFailure = chart.assign(({ context, event }) => ({
  health: {
    ...context.health,
    failures: Math.min(context.health.failures + 1, definitionOf(context).health_check?.failure_threshold ?? 1),
    successes: 0,
    last_error: event.type === 'probe.failed' ? event.error : context.health.last_error,
  },
}));

/** The host is back to normal. A command that sets an ignored instance to work again asks for the verdict itself. */
const judgedAgain = (moment: Moment): boolean =>
  moment.event.type === 'automation.changed' && moment.event.by === 'mode' && automatic(moment);

const say = (from: string, to: string) =>
  chart.emit(({ context }) => ({ type: 'health.changed' as const, from, to, error: context.health.last_error }));

const turned = (to: 'healthy' | 'unhealthy') =>
  chart.raise(({ event }) => ({ type: 'health.turned' as const, at: event.at, to }));

/** Since when the verdict stands: delays that count from a failure count from here. */
const noteUnhealthy = chart.assign(({ context, event }) => ({
  health: { ...context.health, unhealthy_since: event.at },
}));
const forgetVerdict = chart.assign(({ context }) => ({ health: { ...context.health, unhealthy_since: null } }));

const becomeHealthy = (from: string) => ({
  guard: enoughPasses,
  target: '#healthy',
  actions: [countPass, say(from, 'healthy'), turned('healthy')],
});

const becomeUnhealthy = (from: string) => ({
  guard: enoughFailures,
  target: '#unhealthy',
  actions: [countFailure, noteUnhealthy, say(from, 'unhealthy'), turned('unhealthy')],
});

const justPass = { guard: passes, actions: countPass };
const justFail = { guard: fails, actions: countFailure };

/** Ends of running, and changes of the check, as every state with a window hears them. */
const windowEnds = {
  'run.leaving': { target: '#health_unknown' },
  'run.ended': { target: '#health_unknown' },
  'run.ready': { target: '#health_starting', reenter: true },
  'definition.changed': [
    { guard: checkRemoved, target: '#health_disabled' },
    { guard: touchesCheck, target: '#health_starting', reenter: true },
  ],
};

export const health = chart.createStateConfig({
  initial: 'disabled',
  states: {
    disabled: {
      id: 'health_disabled',
      on: {
        'definition.changed': [
          {
            guard: (moment: Moment) => touchesCheck(moment) && hasCheck(moment) && isUp(moment),
            target: '#health_starting',
          },
          { guard: (moment: Moment) => touchesCheck(moment) && hasCheck(moment), target: '#health_unknown' },
        ],
      },
    },
    unknown: {
      id: 'health_unknown',
      on: {
        'run.ready': { target: '#health_starting' },
        'definition.changed': { guard: checkRemoved, target: '#health_disabled' },
      },
    },
    starting: {
      id: 'health_starting',
      entry: openWindow,
      tags: ['probed'],
      on: {
        ...windowEnds,
        'run.ready': {},
        'probe.passed': [becomeHealthy('starting'), justPass],
        'probe.failed': [becomeUnhealthy('starting'), justFail],
      },
    },
    healthy: {
      id: 'healthy',
      tags: ['probed'],
      on: {
        ...windowEnds,
        'probe.passed': justPass,
        'probe.failed': [becomeUnhealthy('healthy'), justFail],
      },
    },
    unhealthy: {
      id: 'unhealthy',
      tags: ['probed'],
      exit: forgetVerdict,
      on: {
        ...windowEnds,
        // A new restart policy judges the standing verdict again: nothing else would before the next change of health.
        'definition.changed': [
          ...windowEnds['definition.changed'],
          { guard: touchesRestartPolicy, actions: turned('unhealthy') },
        ],
        'verdict.asked': { actions: turned('unhealthy') },
        'automation.changed': { guard: judgedAgain, actions: turned('unhealthy') },
        'probe.passed': [becomeHealthy('unhealthy'), justPass],
        'probe.failed': justFail,
      },
    },
  },
});

function isUp({ event }: Moment): boolean {
  return event.type === 'definition.changed' && event.up;
}

/** The start period counts from the boot or restore; a changed check opens its window now. */
function windowStart(context: ChartContext, event: ChartEvent): number {
  return event.type === 'run.ready' ? (context.run.started_at ?? event.at) : event.at;
}
