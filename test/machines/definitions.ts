import type { Definition } from '../../machines/definition.ts';
import type { HealthCheck, RestartPolicy } from '../../machines/policies.ts';

/** Definitions the tests of the chart share. Times are short and unequal, so that no two deadlines are mixed up. */

export const START = Date.UTC(2026, 0, 1, 12);

export const PLAIN: Definition = {
  name: 'web',
  image: 'demo',
  vcpus: 1,
  memory_bytes: 256 * 1024 ** 2,
  network: { enabled: true, ports: [] },
  boot_timeout_ms: 60_000,
  stop_timeout_ms: 5_000,
  restart_policy: null,
  health_check: null,
  auto_standby: null,
  expiry: null,
};

export const ON_FAILURE: RestartPolicy = {
  policy: 'on_failure',
  backoff_ms: 7_000,
  max_attempts: 2,
  stable_after_ms: 600_000,
};

export const ALWAYS: RestartPolicy = { policy: 'always', backoff_ms: 7_000, max_attempts: 0, stable_after_ms: 600_000 };

export const CHECK: HealthCheck = {
  target: { type: 'tcp', port: 80 },
  interval_ms: 5_000,
  timeout_ms: 2_000,
  start_period_ms: 10_000,
  failure_threshold: 2,
  success_threshold: 1,
};

export const SLEEPY = { enabled: true, idle_timeout_ms: 30_000 } as const;

export const EXPIRES_AT = START + 86_400_000;

export const definition = (parts: Partial<Definition> = {}): Definition => ({ ...PLAIN, ...parts });
