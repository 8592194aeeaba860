import type { Mutant } from './mutant.ts';

/** Defects in what the chart decides about restarts. */

const RULES = 'machines/rules.ts';
const BACKOFF = 'machines/backoff.ts';
const REGION = 'machines/regions/restart.ts';
const GUARDS = 'machines/guards.ts';

const restart = (title: string) => ({ file: 'test/machines/restart.unit.test.ts', title });
const timelines = (title: string) => ({ file: 'test/machines/worked-timelines.unit.test.ts', title });
const reasons = (title: string) => ({ file: 'test/machines/restart-reasons.unit.test.ts', title });
const delays = (title: string) => ({ file: 'test/machines/backoff.unit.test.ts', title });
const lifecycle = (title: string) => ({ file: 'test/machines/lifecycle.unit.test.ts', title });
const period = (title: string) => ({ file: 'test/machines/stability-period.unit.test.ts', title });
const health = (title: string) => ({ file: 'test/machines/health.unit.test.ts', title });
const blocks = (title: string) => ({ file: 'test/machines/blocks.unit.test.ts', title });

export const MUTANTS_OF_RESTART: readonly Mutant[] = [
  {
    name: 'the budget allows one attempt too many',
    file: RULES,
    find: 'context.restart.attempts >= policy.max_attempts',
    put: 'context.restart.attempts > policy.max_attempts',
    killedBy: timelines('attempt 2 of 2: blocked at once'),
  },
  {
    name: 'no limit is taken for a limit of nothing',
    file: RULES,
    find: 'policy.max_attempts > 0 && ',
    put: '',
    killedBy: timelines('without a limit: attempt n is followed a backoff later, and never blocked'),
  },
  {
    name: 'a used-up budget is found only when the backoff is over',
    file: RULES,
    find: "context.restart.attempts >= policy.max_attempts) return 'exhausted';",
    put: "context.restart.attempts >= policy.max_attempts && nextAttemptDue(context, at) <= at) return 'exhausted';",
    killedBy: timelines(
      'backoff 7 s: at once, seven seconds after that start, then blocked with the failure, and a start clears it all',
    ),
  },
  {
    name: 'an unknown exit code is taken for a clean end',
    file: RULES,
    find: 'return end.code !== 0;',
    put: 'return end.code !== 0 && end.code !== null;',
    killedBy: restart('%s, exit code %s: %s'),
  },
  {
    name: 'a clean end is restarted under on_failure',
    file: RULES,
    find: "  return policy === 'always' || failed;",
    put: '  return true;',
    killedBy: restart('%s, exit code %s: %s'),
  },
  {
    name: 'a stop leaves no mark',
    file: REGION,
    find: "  { guard: stopWanted, target: '#suppressed', actions: suppress },\n",
    put: '',
    killedBy: restart('a policy given to a stopped instance does not start it'),
  },
  {
    name: 'an instance that is created stopped is wanted running',
    file: 'machines/definition-actions.ts',
    find: 'intent: { wanted, by, at }, restart',
    put: "intent: { wanted: 'running' as const, by, at, ...(wanted === null && {}) }, restart",
    killedBy: blocks('has not failed: no policy that it is given starts it'),
  },
  {
    name: 'the delay counts from the end of the run',
    file: BACKOFF,
    find: 'const from = countsFromStart(policy) ? last_attempt_at : failedAt;',
    put: 'const from = failedAt;',
    killedBy: delays('a fixed delay counts from the start of the attempt before'),
  },
  {
    name: 'delays grow without doubling',
    file: BACKOFF,
    find: 'backoff_ms * 2 ** n',
    put: 'backoff_ms * 2 * n',
    killedBy: delays('with one it doubles up to it, and no exponent is too large'),
  },
  {
    name: 'crash loops go in step',
    file: BACKOFF,
    find: '(1 + jitter * (2 * fractionOf(of) - 1))',
    put: '(1 + jitter / 2)',
    killedBy: delays('stays within its fraction of the delay, and reaches both sides of it'),
  },
  {
    name: 'jitter goes past the maximum',
    file: BACKOFF,
    find: 'jittered > max ? 2 * max - jittered : jittered',
    put: 'jittered > 2 * max ? max : jittered',
    killedBy: delays('a delay is a whole number of milliseconds, never negative and never past the maximum'),
  },
  {
    name: 'the first attempt waits for a backoff',
    file: BACKOFF,
    find: 'if (last_attempt_at === null) return failedAt;',
    put: 'if (last_attempt_at === null) return failedAt + policy.backoff_ms;',
    killedBy: delays('the first attempt of a window is due with the failure, whatever the policy'),
  },
  {
    name: 'the period after a restart ends a moment too late',
    file: RULES,
    find: 'waits && gateEnd(context) > at',
    put: 'waits && gateEnd(context) >= at',
    killedBy: period('still unhealthy at exactly its end, it is restarted'),
  },
  {
    name: 'a start leaves the block of a running guest',
    file: REGION,
    find: "  { guard: hasWindow, target: '#restart_idle', actions: reset('command') },\n  { target: '#restart_idle' },",
    put: "  { target: '#restart_idle' },",
    killedBy: blocks('of a guest that runs unhealthy is lifted by a start, although there is nothing to start'),
  },
  {
    name: 'the stable time counts from the start of the run',
    file: 'machines/setup.ts',
    find: 'stable: ({ context }) => context.definition?.restart_policy?.stable_after_ms ?? 0,',
    put: 'stable: (moment) =>\n      until((moment.context.run.started_at ?? 0) + (moment.context.definition?.restart_policy?.stable_after_ms ?? 0), moment),',
    killedBy: restart('closes after stable_after of running, counted from readiness'),
  },
  {
    name: 'a guest whose probes fail proves itself stable',
    file: REGION,
    find: "          { guard: provesNothing, target: '#probation', reenter: true },\n",
    put: '',
    killedBy: reasons('does not close between the end of the start period and the probe that makes it unhealthy'),
  },
  {
    name: 'the end that a restart for health asked for is taken for a clean end of the guest',
    file: 'machines/regions/lifecycle/ends.ts',
    find: "guard: all(ended, nextIs('boot')),",
    put: "guard: all(ended, saysFailure, nextIs('boot')),",
    killedBy: reasons('the end of a restart for health is never taken for a clean end of the guest'),
  },
  {
    name: 'the reason of a restart outlives it',
    file: REGION,
    find: "{ guard: hasAttempts, target: '#probation', actions: settle }",
    put: "{ guard: hasAttempts, target: '#probation' }",
    killedBy: reasons('a reason belongs to its restart: once the guest is ready again it is gone'),
  },
  {
    name: 'a restart that waits goes on although the guest is put to sleep',
    file: REGION,
    find: "        'health.turned': recovered(turnedHealthy),\n        'run.ended': [...onEnd, { target: '#restart_idle', actions: cancelNext }],\n        'run.leaving': { target: '#restart_idle', actions: cancelNext },",
    put: "        'health.turned': recovered(turnedHealthy),\n        'run.ended': [...onEnd, { target: '#restart_idle', actions: cancelNext }],",
    killedBy: period('a %s'),
  },
  {
    name: 'healthy again, the guest is restarted all the same',
    file: REGION,
    find: "'health.turned': { guard: turnedHealthy, target: '#probation', actions: cancelNext },",
    put: '',
    killedBy: health('in the backoff it waits, and becoming healthy cancels'),
  },
  {
    name: 'a delete is taken back by a start',
    file: GUARDS,
    find: "export const beingDeleted: Guard = nextIs('delete');",
    put: 'export const beingDeleted: Guard = () => false;',
    killedBy: lifecycle('a deletion goes on through a loss and a quarantine'),
  },
  {
    name: 'what recovery finds ended is not taken for an end',
    file: GUARDS,
    find: "  if (found.reality !== 'ended') return null;",
    put: "  if (found.reality !== 'ended' || found.code !== null) return null;",
    killedBy: {
      file: 'test/actors/recovery.unit.test.ts',
      title: 'an end that happened meanwhile is told, judged and acted on',
    },
  },
  {
    name: 'a reboot of the host costs an attempt',
    file: RULES,
    find: "  if (end.reason === 'host_reboot') return mayRestart(context, at) ? 'host_reboot' : 'none';\n",
    put: '',
    killedBy: restart('coming back after a host reboot is not an attempt, not even with the budget used up'),
  },
  {
    name: 'what was known of an earlier run decides about this one',
    file: GUARDS,
    find: "'run' in event && event.run === context.run.number && !context.run.ended;",
    put: "'run' in event && !context.run.ended;",
    killedBy: {
      file: 'test/actors/supervisor.unit.test.ts',
      title: 'an observation that means nothing is not recorded, nor is one of another run',
    },
  },
  {
    name: 'a new policy leaves the attempts that were made',
    file: REGION,
    find: "  { guard: hasWindowAndPolicy, target: '#restart_idle', actions: reset('policy') },\n];",
    put: '];',
    killedBy: {
      file: 'test/models/budget.unit.test.ts',
      title: 'are those of the model, whatever is done in whatever order',
    },
  },
  {
    name: 'a guest that is blocked and healthy again never closes its window',
    file: REGION,
    find: "'health.turned': { guard: turnedHealthy, target: '#probation', actions: settle },",
    put: "'health.turned': { guard: turnedHealthy, target: '#restart_idle', actions: settle },",
    killedBy: {
      file: 'test/models/health-restarts.unit.test.ts',
      title: 'are those of the model, whatever is done in whatever order',
    },
  },
];
