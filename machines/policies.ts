import { z } from 'zod';

/**
 * The policies as the chart and the records keep them: normalised, durations in whole milliseconds. What users write
 * is parsed into these at the doors (src/gateway/requests/).
 */

const positiveMs = z.int().positive();

/** Entries of a list of delays, and codes in each rule about exit codes. */
export const RESTART_DELAYS_MAX = 32;
export const EXIT_CODES_MAX = 64;

const exitCodes = z.array(z.int().min(0).max(255)).min(1).max(EXIT_CODES_MAX);

export const restartPolicySchema = z.strictObject({
  policy: z.enum(['on_failure', 'always']),
  backoff_ms: positiveMs,
  /** 0 = no limit. */
  max_attempts: z.int().nonnegative(),
  stable_after_ms: positiveMs,
  /** Present: the backoff doubles with each attempt up to this. */
  backoff_max_ms: positiveMs.optional(),
  /** Fraction of each delay that may be taken off or added; derived from the attempt, so that a replay agrees. */
  jitter: z.number().min(0).max(1).optional(),
  /** The delays one by one instead of a backoff; the last one repeats. */
  delays_ms: z.array(positiveMs).min(1).max(RESTART_DELAYS_MAX).optional(),
  /** `never` wins over everything; `restart`: restarted also where the policy alone would not. */
  exit_codes: z.strictObject({ restart: exitCodes.optional(), never: exitCodes.optional() }).optional(),
  /** No restart for health within this time after the last automatic restart; it is decided again at its end. */
  stability_period_ms: positiveMs.optional(),
});
/** `never` is the absence of a policy. */
export type RestartPolicy = z.infer<typeof restartPolicySchema>;

export const RESTART_BACKOFF_DEFAULT_MS = 5_000;
export const RESTART_STABLE_AFTER_DEFAULT_MS = 600_000;

const probeTarget = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('http'),
    port: z.int().min(1).max(65_535),
    path: z.string().startsWith('/'),
    scheme: z.enum(['http', 'https']),
    expected_status: z.int().min(100).max(599),
    /** Absent means that the certificate is verified. */
    tls_verify: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal('tcp'), port: z.int().min(1).max(65_535) }),
  z.strictObject({ type: z.literal('exec'), command: z.array(z.string()).min(1), working_dir: z.string().optional() }),
]);

export const healthCheckSchema = z.strictObject({
  target: probeTarget,
  interval_ms: positiveMs,
  timeout_ms: positiveMs,
  start_period_ms: z.int().nonnegative(),
  failure_threshold: z.int().positive(),
  success_threshold: z.int().positive(),
});
export type HealthCheck = z.infer<typeof healthCheckSchema>;

export const autoStandbySchema = z.strictObject({
  enabled: z.boolean(),
  idle_timeout_ms: positiveMs.optional(),
  ignore_source_cidrs: z.array(z.string()).optional(),
  ignore_destination_ports: z.array(z.int().min(1).max(65_535)).optional(),
  /** What becomes of a guest that nobody has woken for so long. */
  max_asleep: z.strictObject({ after_ms: positiveMs, then: z.enum(['stop', 'delete']) }).optional(),
});
export type AutoStandby = z.infer<typeof autoStandbySchema>;

/** Named snapshots that one instance may have. */
export const SNAPSHOTS_MAX = 16;

const scheduleSchema = z.strictObject({
  /** Five fields; which minutes that names is not the chart's business. */
  cron: z.string().min(1).max(255),
  time_zone: z.string().min(1).max(64),
});

export const schedulesSchema = z.strictObject({
  standby: scheduleSchema.optional(),
  wake: scheduleSchema.optional(),
  /** `keep`: so many of the snapshots it has taken stay, the newest ones. */
  snapshot: scheduleSchema.extend({ keep: z.int().min(1).max(SNAPSHOTS_MAX) }).optional(),
});
export type Schedules = z.infer<typeof schedulesSchema>;

export const expirySchema = z.strictObject({
  /** Epoch ms. */
  expires_at: z.int().positive(),
  then: z.enum(['stop', 'delete']),
});
export type Expiry = z.infer<typeof expirySchema>;
