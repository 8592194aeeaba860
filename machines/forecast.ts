import { dueAfter } from './backoff.ts';
import type { ChartContext } from './context.ts';
import { definitionOf, isExpired, mayRestart } from './rules.ts';
import type { ChartSnapshot } from './step.ts';

/**
 * What the restart policy would do from here on if every run ended at once in a failure: what is pending first, then the
 * shortest way to its limit. The delays are those of the real thing, jitter included. That the host may hold an attempt
 * back is left out: nobody can foretell it.
 */

/** Attempts that are foretold one by one. */
export const FORECAST_ATTEMPTS_MAX = 16;

export interface ForecastAttempt {
  /** Number in its window, from 1. */
  readonly attempt: number;
  /** Epoch ms. */
  readonly not_before: number;
}

export interface Forecast {
  readonly attempts: readonly ForecastAttempt[];
  /** Number of the last attempt of this window; null when there is none, or none within what is foretold. */
  readonly gives_up_after: number | null;
  /** Neither a budget nor an expiry ends it. */
  readonly unbounded: boolean;
}

const isPending = ({ restart, admission }: ChartContext): boolean =>
  restart.next_attempt_at !== null || (admission !== null && admission.purpose !== 'wake');

/** Nothing runs whose end anything would follow, and nothing is pending. */
const atPeace = (snapshot: ChartSnapshot): boolean =>
  snapshot.matches({ lifecycle: 'quarantined' }) || (snapshot.hasTag('at_rest') && !isPending(snapshot.context));

/** A run that is no attempt, or was counted as one already, comes first: what is foretold answers the end of that one. */
const anotherRunComes = ({ run, stop, admission }: ChartContext): boolean =>
  run.number === 0 || stop?.next === 'boot' || admission?.purpose === 'host_reboot';

export function forecast(snapshot: ChartSnapshot, at: number): Forecast {
  const { context } = snapshot;
  const { attempts: made } = context.restart;
  if (!mayRestart(context, at) || atPeace(snapshot)) return { attempts: [], gives_up_after: made, unbounded: false };
  const { name, restart_policy, expiry } = definitionOf(context);
  const max = restart_policy?.max_attempts ?? 0;
  const attempts: ForecastAttempt[] = [];
  let [window, now] = [{ attempts: made, last_attempt_at: context.restart.last_attempt_at }, at];
  let due = isPending(context) ? (context.restart.next_attempt_at ?? at) : null;
  let run = context.run.number;
  if (anotherRunComes(context)) {
    [now, due] = [Math.max(now, due ?? now), null];
    run += 1;
  }
  for (; attempts.length < FORECAST_ATTEMPTS_MAX; run++) {
    if (restart_policy === null || (max > 0 && window.attempts >= max)) break;
    now = Math.max(now, due ?? dueAfter(restart_policy, window, { name, run, failedAt: now }));
    due = null;
    if (isExpired(context, now)) return { attempts, gives_up_after: window.attempts, unbounded: false };
    window = { attempts: window.attempts + 1, last_attempt_at: now };
    attempts.push({ attempt: window.attempts, not_before: now });
  }
  return { attempts, gives_up_after: max > 0 ? max : null, unbounded: max === 0 && expiry === null };
}
