import { type Attempt, type ChartContext, INITIAL_CONTEXT, type RestartContext } from '../../machines/context.ts';
import { forecast } from '../../machines/forecast.ts';
import { stateOf } from '../../machines/public-states.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { automationAllowed, heldBackBy, pendingCause } from '../../machines/rules.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import { nullableInstant, toRfc3339 } from './instants.ts';

/** What is shown of automatic restarts: hypeman's `restart_status`, and beside it our own account of the same. */

/** Exactly the reference's fields; absent ones are zero. */
export interface RestartStatusView {
  readonly attempts?: number;
  readonly last_attempt_at?: string;
  readonly next_attempt_at?: string;
  readonly blocked_reason?: 'manual_stop' | 'max_attempts_exceeded';
  readonly last_reason?: 'health_check_failed';
}

/** Absent fields have nothing to tell. */
export interface RestartView {
  readonly pending?: PendingRestartView;
  /** Why the latest attempts were made, newest last; they are kept over a reset. */
  readonly causes?: readonly AttemptView[];
  /** Why nothing automatic happens: `ignore`, or the mode of the host. */
  readonly held_back_by?: string;
  /** Somebody did without the restart that was pending. */
  readonly waived?: true;
}

export interface AttemptView {
  readonly attempt: number;
  readonly at: string;
  readonly cause: 'exit' | 'health';
  readonly detail: string;
}

/** An automatic start or restart that will come. */
export interface PendingRestartView {
  readonly cause: 'exit' | 'health' | 'host_reboot';
  /**
   * `backoff`; `stability_period`; `host` until it has answered; else what it has too little of (`memory`, `vcpus`,
   * `disk`, ...).
   */
  readonly waits_for: string;
  readonly not_before: string | null;
}

/** What the policy would do from now on if every run failed at once. */
export interface RestartForecastView {
  readonly attempts: readonly { readonly attempt: number; readonly not_before: string }[];
  /** Number of the last attempt of this window; null where nothing that is foretold ends it. */
  readonly gives_up_after: number | null;
  readonly unbounded: boolean;
}

export function restartStatusView({ state }: InstanceRecord): RestartStatusView {
  const { attempts, last_attempt_at, next_attempt_at, blocked_reason, last_reason } = state.context.restart;
  return {
    ...(attempts === 0 ? {} : { attempts }),
    ...(last_attempt_at === null ? {} : { last_attempt_at: toRfc3339(last_attempt_at) }),
    ...(next_attempt_at === null ? {} : { next_attempt_at: toRfc3339(next_attempt_at) }),
    ...(blocked_reason === null ? {} : { blocked_reason }),
    ...(last_reason === null ? {} : { last_reason }),
  };
}

export function restartView({ state }: InstanceRecord): RestartView {
  // Records of older charts keep no causes, and know no modes of their host.
  const { history = [] } = state.context.restart as Partial<RestartContext>;
  const { host = INITIAL_CONTEXT.host } = state.context as Partial<ChartContext>;
  const context = { ...state.context, host, definition: null };
  const pending = pendingView(state);
  return {
    ...(pending === null ? {} : { pending }),
    ...(history.length === 0 ? {} : { causes: history.map(attemptView) }),
    ...(automationAllowed(context) ? {} : { held_back_by: heldBackBy(context) }),
    ...(stateOf(state.value, 'restart') === 'waived' ? { waived: true as const } : {}),
  };
}

function attemptView({ attempt, at, cause, detail }: Attempt): AttemptView {
  return { attempt, at: toRfc3339(at), cause, detail };
}

function pendingView({ value, context }: InstanceRecord['state']): PendingRestartView | null {
  const { restart, admission } = context;
  const cause = pendingCause(context);
  switch (stateOf(value, 'restart')) {
    case 'backoff':
      return { cause, waits_for: 'backoff', not_before: nullableInstant(restart.next_attempt_at) };
    case 'gated':
      return { cause, waits_for: 'stability_period', not_before: nullableInstant(restart.next_attempt_at) };
    case 'admission': {
      if (admission === null) return null;
      const { reason, retry_at } = admission;
      return { cause, waits_for: reason ?? 'host', not_before: nullableInstant(retry_at) };
    }
    default:
      return null;
  }
}

/** Only for instances with a policy. `now`: epoch ms. */
export function restartForecastView(snapshot: ChartSnapshot, now: number): RestartForecastView | null {
  if ((snapshot.context.definition?.restart_policy ?? null) === null) return null;
  const { attempts, gives_up_after, unbounded } = forecast(snapshot, now);
  const told = attempts.map(({ attempt, not_before }) => ({ attempt, not_before: toRfc3339(not_before) }));
  return { attempts: told, gives_up_after, unbounded };
}
