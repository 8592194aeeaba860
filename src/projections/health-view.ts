import type { Definition } from '../../machines/definition.ts';
import { healthShown, type PublicState, showsHealth, stateOf } from '../../machines/public-states.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import type { ProbeReading } from '../actors/contracts/probe-readings.ts';
import { nullableInstant, toRfc3339 } from './instants.ts';

/** What is shown of health: hypeman's `health_status`, and beside it the newest results one by one. */

export const HEALTH_STATUSES = ['disabled', 'starting', 'healthy', 'unhealthy', 'unknown'] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

/** Exactly the reference's fields. The times are live readings: the log does not have them. */
export interface HealthStatusView {
  readonly status: HealthStatus;
  readonly consecutive_successes: number;
  readonly consecutive_failures: number;
  readonly last_checked_at?: string | null;
  readonly last_success_at?: string | null;
  readonly last_failure_at?: string | null;
  readonly last_error?: string | null;
}

/** Our own: what the probes of the present window said. */
export interface ProbesView {
  /** Probes that were due and could not be started in time. */
  readonly missed: number;
  /** Oldest first. */
  readonly last_results: readonly {
    readonly at: string;
    readonly duration_ms: number | null;
    readonly result: 'passed' | 'failed' | 'unavailable';
    readonly error: string | null;
  }[];
}

/** Health shows only in running; a guest that is still coming up is `starting` whatever was probed. */
export function healthStatusView(
  { state }: InstanceRecord,
  definition: Definition,
  shown: PublicState,
): HealthStatusView {
  const none = { consecutive_successes: 0, consecutive_failures: 0 };
  if (definition.health_check === null) return { status: 'disabled', ...none };
  const status = healthShown(stateOf(state.value, 'health') as HealthStatus, shown);
  if (!showsHealth(shown)) return { status, ...none };
  const { successes, failures, last_error } = state.context.health;
  return {
    status,
    consecutive_successes: successes,
    consecutive_failures: failures,
    last_error,
  };
}

/**
 * The same with what is known beside the log. The status stays that of the record: readings count, the chart decides. A
 * reading of another run, or of a guest that is not shown to run, says nothing.
 */
export function withReading(
  view: { readonly health_status: HealthStatusView; readonly state: PublicState; readonly run: number },
  reading: ProbeReading | undefined,
): HealthStatusView {
  const { health_status: recorded, state, run } = view;
  const isShown = showsHealth(state) && recorded.status !== 'disabled' && recorded.status !== 'unknown';
  if (reading === undefined || !isShown || reading.run !== run) return recorded;
  return {
    status: recorded.status,
    consecutive_successes: reading.consecutive_successes,
    consecutive_failures: reading.consecutive_failures,
    last_checked_at: nullableInstant(reading.last_checked_at),
    last_success_at: nullableInstant(reading.last_success_at),
    last_failure_at: nullableInstant(reading.last_failure_at),
    last_error: reading.last_error,
  };
}

export function probesView({ missed, last_results }: ProbeReading): ProbesView {
  return { missed, last_results: last_results.map((one) => ({ ...one, at: toRfc3339(one.at) })) };
}
