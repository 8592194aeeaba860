import { NO_RESTARTS } from '../context.ts';
import { ignored } from '../guards.ts';
import {
  failsInGrace,
  healthVerdict,
  mayRestart,
  type RestartVerdict,
  verdictAfterEnd,
  verdictAtRest,
} from '../rules.ts';
import type { Moment } from '../setup.ts';

/** What the restart region asks of an event before it decides: the rules themselves are in machines/rules.ts. */

export const afterEnd =
  (verdict: RestartVerdict) =>
  ({ context, event }: Moment): boolean =>
    event.type === 'run.ended' && verdictAfterEnd(context, event, event.at) === verdict;

/** After a change of policy, which opens a new window. */
export const atRest =
  (verdict: RestartVerdict) =>
  ({ context, event }: Moment): boolean =>
    touchesPolicy({ context, event }) && verdictAtRest({ ...context, restart: NO_RESTARTS }, event.at) === verdict;

/** What was held back at the end of the last run, decided now. */
export const heldBack =
  (verdict: RestartVerdict) =>
  ({ context, event }: Moment): boolean =>
    verdictAtRest(context, event.at) === verdict;

export const turnedUnhealthy =
  (verdict: RestartVerdict) =>
  ({ context, event }: Moment): boolean =>
    event.type === 'health.turned' && event.to === 'unhealthy' && healthVerdict(context, event.at) === verdict;

/** The standing verdict about its health, decided again. */
export const stillUnhealthy =
  (verdict: RestartVerdict) =>
  ({ context, event }: Moment): boolean =>
    healthVerdict(context, event.at) === verdict;

export const turnedHealthy = ({ event }: Moment): boolean => event.type === 'health.turned' && event.to === 'healthy';

export const touchesPolicy = ({ event }: Moment): boolean =>
  event.type === 'definition.changed' && event.parts.includes('restart_policy');

export const touchesCheck = ({ event }: Moment): boolean =>
  event.type === 'definition.changed' && event.parts.includes('health_check');

/** Another check, or none: the verdict of the old one no longer stands. */
export const verdictVoid = ({ context, event }: Moment): boolean =>
  event.type === 'definition.changed' && event.up && touchesCheck({ context, event });

export const hasWindowAndPolicy = (moment: Moment): boolean => touchesPolicy(moment) && hasWindow(moment);

/** The backoff under way holds back a restart for health: the guest still runs. */
export const heldByHealth = ({ context }: Moment): boolean => !context.run.ended;

/** What was allowed when the attempt was scheduled may not be any more: the instance expires at this very instant. */
export const noLonger = ({ context, event }: Moment): boolean => !mayRestart(context, event.at);

export const stopWanted = ({ context }: Moment): boolean => context.intent.wanted === 'stopped';

export const hasAttempts = ({ context }: Moment): boolean => context.restart.attempts > 0;

export const anotherRunFollows = ({ event }: Moment): boolean => event.type === 'run.ended' && event.next === 'boot';

/** There is something to reset: attempts, a block, or a reason. */
export const hasWindow = ({ context: { restart } }: Moment): boolean =>
  restart.attempts > 0 ||
  restart.blocked_reason !== null ||
  restart.next_attempt_at !== null ||
  restart.last_reason !== null;

/** Attempts were made, and somebody may still want to know whether they helped. */
export const hasOpenWindow = (moment: Moment): boolean => hasAttempts(moment) && !ignored(moment);

export const goesOnWithWindow = (moment: Moment): boolean => turnedHealthy(moment) && hasOpenWindow(moment);

export const goesOnUnjudged = (moment: Moment): boolean => verdictVoid(moment) && hasOpenWindow(moment);

/** The guest runs: a window opened now has something to judge. */
export const windowOfRunning = ({ event }: Moment): boolean => event.type === 'window.wanted' && event.up;

/** Running, but only its start period keeps it from being unhealthy. */
export const provesNothing = ({ context, event }: Moment): boolean => failsInGrace(context, event.at);
