import { formatDuration } from '../../machines/duration.ts';
import type { AutoStandby, HealthCheck, RestartPolicy } from '../../machines/policies.ts';
import type { RestartPolicyView } from './instance-view.ts';

/** Policies as users wrote them, in canonical form: durations as text, zero values left out. */

export function restartPolicyView(policy: RestartPolicy): RestartPolicyView {
  const { backoff_max_ms, jitter, delays_ms, exit_codes, stability_period_ms } = policy;
  return {
    policy: policy.policy,
    // A list of delays is instead of a backoff.
    ...(delays_ms === undefined ? { backoff: formatDuration(policy.backoff_ms) } : {}),
    ...(policy.max_attempts === 0 ? {} : { max_attempts: policy.max_attempts }),
    stable_after: formatDuration(policy.stable_after_ms),
    ...(backoff_max_ms === undefined ? {} : { backoff_max: formatDuration(backoff_max_ms) }),
    ...(jitter === undefined ? {} : { jitter }),
    ...(delays_ms === undefined ? {} : { delays: delays_ms.map(formatDuration) }),
    ...(exit_codes === undefined ? {} : { exit_codes }),
    ...(stability_period_ms === undefined ? {} : { stability_period: formatDuration(stability_period_ms) }),
  };
}

export function healthCheckView(check: HealthCheck): Readonly<Record<string, unknown>> {
  const { type, ...target } = check.target;
  return {
    type,
    [type]: target,
    interval: formatDuration(check.interval_ms),
    timeout: formatDuration(check.timeout_ms),
    start_period: formatDuration(check.start_period_ms),
    failure_threshold: check.failure_threshold,
    success_threshold: check.success_threshold,
  };
}

export function autoStandbyView(policy: AutoStandby): Readonly<Record<string, unknown>> {
  if (!policy.enabled) return { enabled: false };
  return {
    enabled: true,
    idle_timeout: formatDuration(policy.idle_timeout_ms ?? 0),
    ...(policy.ignore_source_cidrs === undefined ? {} : { ignore_source_cidrs: policy.ignore_source_cidrs }),
    ...(policy.ignore_destination_ports === undefined
      ? {}
      : { ignore_destination_ports: policy.ignore_destination_ports }),
    ...(policy.max_asleep === undefined
      ? {}
      : { max_asleep: { after: formatDuration(policy.max_asleep.after_ms), then: policy.max_asleep.then } }),
  };
}
