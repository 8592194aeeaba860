import { formatDuration } from '../../machines/duration.ts';
import type { AutoStandby, HealthCheck, RestartPolicy } from '../../machines/policies.ts';
import type { RestartPolicyView } from './instance-view.ts';

/** Policies as users wrote them, in canonical form: durations as text, zero values left out. */

export function restartPolicyView(policy: RestartPolicy): RestartPolicyView {
  return {
    policy: policy.policy,
    backoff: formatDuration(policy.backoff_ms),
    ...(policy.max_attempts === 0 ? {} : { max_attempts: policy.max_attempts }),
    stable_after: formatDuration(policy.stable_after_ms),
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
  };
}
