import { type ZodType, z } from 'zod';
import { hostModeSchema } from '../../../machines/events.ts';
import { PUBLIC_STATES } from '../../../machines/public-states.ts';
import { AWAKE_CAUSES } from '../../../machines/wakefulness.ts';
import { STANDBY_REASONS, STANDBY_STATUSES } from '../../projections/auto-standby-status.ts';
import { HEALTH_STATUSES } from '../../projections/health-view.ts';
import type { HostVerb, Verb } from '../use-cases/contract.ts';

/**
 * The shape of each verb's answer, for doors that describe themselves: the fields a client can rely on. Answers hold more
 * of them, and later versions may add some, so unknown ones are allowed everywhere.
 */

const time = z.string().nullable();

const snapshot = z.looseObject({ name: z.string(), run: z.int(), taken_at: z.string(), by: z.string() });

export const instanceReply = z.looseObject({
  id: z.string(),
  name: z.string(),
  image: z.string(),
  state: z.enum(PUBLIC_STATES),
  phase: z.string(),
  state_error: z.string().nullable(),
  wanted: z.enum(['running', 'stopped', 'ignore']),
  created_at: z.string(),
  started_at: time,
  stopped_at: time,
  exit_code: z.int().nullable(),
  exit_reason: z.string().nullable(),
  has_snapshot: z.boolean(),
  /** Absent when there are none. */
  snapshots: z.array(snapshot).optional(),
  snapshot_under_way: z.string().optional(),
  forked_from: z.looseObject({ instance: z.string(), snapshot: z.string().nullable() }).optional(),
  size: z.string(),
  vcpus: z.int(),
  network: z.looseObject({ enabled: z.boolean() }),
  run: z.int(),
  pid: z.int().nullable(),
  /** Absent fields are zero; absent altogether when all of them are. */
  restart_status: z
    .looseObject({
      attempts: z.int().optional(),
      last_attempt_at: z.string().optional(),
      next_attempt_at: z.string().optional(),
      blocked_reason: z.enum(['manual_stop', 'max_attempts_exceeded']).optional(),
      last_reason: z.literal('health_check_failed').optional(),
    })
    .optional(),
  restart: z
    .looseObject({
      pending: z.looseObject({ cause: z.string(), waits_for: z.string(), not_before: time }).optional(),
      causes: z
        .array(z.looseObject({ attempt: z.int(), at: z.string(), cause: z.string(), detail: z.string() }))
        .optional(),
      held_back_by: z.string().optional(),
      waived: z.boolean().optional(),
    })
    .optional(),
  health_status: z.looseObject({
    status: z.enum(HEALTH_STATUSES),
    consecutive_successes: z.int(),
    consecutive_failures: z.int(),
    last_checked_at: time.optional(),
    last_success_at: time.optional(),
    last_failure_at: time.optional(),
    last_error: z.string().nullable().optional(),
  }),
  /** Schedules of which nothing comes as things stand: why, in the words of `schedule.skipped`. */
  schedules_in_vain: z.record(z.string(), z.string()).optional(),
  expires_at: time,
  version: z.int(),
  /** These three once the history has been read. */
  current_phase: z.string().optional(),
  current_phase_since: z.string().optional(),
  phase_durations_ms: z.record(z.string(), z.number()).optional(),
});

/** Once the history has been read. */
const wakefulness = z
  .looseObject({
    is: z.enum(['awake', 'asleep', 'down', 'unknown']),
    awake_because: z.string().optional(),
    since: z.string(),
    counted_from: z.string(),
    awake_ms: z.number(),
    asleep_ms: z.number(),
    down_ms: z.number(),
    unknown_ms: z.number(),
    awake_by_cause_ms: z.record(z.string(), z.number()),
  })
  .optional();

/** What only a look at one instance tells. */
const wholeReply = instanceReply.extend({
  wakefulness,
  /** Of instances with a restart policy: what would follow if every run failed at once. */
  restart_forecast: z
    .looseObject({
      attempts: z.array(z.looseObject({ attempt: z.int(), not_before: z.string() })),
      gives_up_after: z.int().nullable(),
      unbounded: z.boolean(),
    })
    .optional(),
  /** Of a hold that has not elapsed. */
  hold_until: z.string().optional(),
  /** Of instances with schedules: the next minute of each that something comes of. */
  next_scheduled: z.record(z.string(), z.string()).optional(),
  /** While the guest is probed. */
  probes: z
    .looseObject({
      missed: z.int(),
      last_results: z.array(
        z.looseObject({
          at: z.string(),
          duration_ms: z.number().nullable(),
          result: z.enum(['passed', 'failed', 'unavailable']),
          error: z.string().nullable(),
        }),
      ),
    })
    .optional(),
});

const listReply = z.looseObject({
  /** With `wakefulness` when that was asked for. */
  instances: z.array(instanceReply.extend({ wakefulness })),
  /** The `after` of the next page. */
  next: z.string().nullable(),
});

const historyReply = z.looseObject({
  records: z.array(z.looseObject({ id: z.string(), stream: z.string(), version: z.int(), at: z.int() })),
  /** The `from` of the next page. */
  next: z.int().nullable(),
});

const logsReply = z.looseObject({
  run: z.int(),
  source: z.string(),
  text: z.string(),
  /** The `after` of the next question. */
  next: z.string(),
  /** Something between `after` and this text is not kept any more. */
  gap: z.boolean(),
});

const eventsReply = z.looseObject({
  records: z.array(
    z.looseObject({ id: z.string(), position: z.string(), stream: z.string(), version: z.int(), at: z.int() }),
  ),
  /** The `after` of the next page, also when there is nothing more yet. */
  next: z.string(),
  more: z.boolean(),
});

const waitReply = z.looseObject({
  state: z.enum(PUBLIC_STATES),
  state_error: z.string().nullable(),
  timed_out: z.boolean(),
});

const timelineReply = z.looseObject({
  entries: z.array(
    z.looseObject({
      phase: z.string(),
      state: z.enum(PUBLIC_STATES),
      since: z.string(),
      until: time,
      run: z.int(),
      event: z.string(),
      by: z.string(),
      cause: z.string().nullable(),
      version: z.int(),
    }),
  ),
  /** Older ones are not told. */
  shortened: z.boolean(),
  /** False while the history is still being read. */
  complete: z.boolean(),
});

export const standbyReply = z.looseObject({
  supported: z.boolean(),
  configured: z.boolean(),
  enabled: z.boolean(),
  eligible: z.boolean(),
  status: z.enum(STANDBY_STATUSES),
  reason: z.enum(STANDBY_REASONS),
  active_inbound_connections: z.int().nonnegative(),
  tracking_mode: z.string(),
  idle_timeout: z.string().optional(),
  idle_since: z.string().optional(),
  last_inbound_activity_at: z.string().optional(),
  next_standby_at: z.string().optional(),
  hold_until: z.string().optional(),
  countdown_remaining: z.string().optional(),
  why_awake: z.enum(AWAKE_CAUSES).nullable(),
  observer: z.looseObject({ mode: z.string(), state: z.string(), error: z.string().nullable() }).nullable(),
  connections: z.array(
    z.looseObject({ protocol: z.string(), client: z.string(), client_port: z.int(), port: z.int(), state: z.string() }),
  ),
  queue: z.looseObject({ since: z.string(), reason: z.string().nullable(), retry_at: time }).nullable(),
  requested_by: z.enum(['idle', 'schedule', 'operator']).nullable(),
  asleep_since: time,
  snapshots: z.array(snapshot),
  /** These two once the history has been read. */
  last_standby: z
    .looseObject({ at: z.string(), outcome: z.string(), cause: z.string().nullable() })
    .nullable()
    .optional(),
  clock: z.looseObject({ at: z.string(), run: z.int(), drift_ms: z.int().nullable() }).nullable().optional(),
});

const size_bytes = z.int().nonnegative().nullable();
const snapshotsReply = z.looseObject({
  snapshots: z.array(snapshot.extend({ size_bytes })),
  /** The memory of a guest that sleeps. */
  sleeping: z.looseObject({ run: z.int(), taken_at: z.string(), size_bytes }).nullable(),
  /** As many names as one instance may have. */
  most: z.int(),
  hypervisor: z.string().nullable(),
});

export const REPLY_SCHEMAS: Readonly<Record<Verb, ZodType>> = {
  create: instanceReply,
  get: wholeReply,
  list: listReply,
  update: instanceReply,
  start: instanceReply,
  stop: instanceReply,
  restart: instanceReply,
  standby: instanceReply,
  restore: instanceReply,
  hold: standbyReply,
  ignore: instanceReply,
  cancel_restart: instanceReply,
  reset_restart: instanceReply,
  delete: instanceReply,
  wait: waitReply,
  history: historyReply,
  logs: logsReply,
  timeline: timelineReply,
  auto_standby_status: standbyReply,
  list_snapshots: snapshotsReply,
  create_snapshot: instanceReply,
  delete_snapshot: instanceReply,
  restore_snapshot: instanceReply,
  fork: instanceReply,
};

/** A state of the chart; `states` are those inside it, of the same form. */
const chartState = z.looseObject({ name: z.string(), path: z.string(), states: z.array(z.looseObject({})) });

export const HOST_REPLY_SCHEMAS: Readonly<Record<HostVerb, ZodType>> = {
  /** One section for each part of the daemon. */
  status: z.looseObject({}),
  chart: z.object({ version: z.int().positive(), regions: z.array(chartState) }),
  events: eventsReply,
  rebuild: z.looseObject({ projection: z.string(), rebuilding: z.boolean() }),
  /** `untold`: instances that do not know the mode yet. */
  mode: z.looseObject({ mode: hostModeSchema, version: z.int(), untold: z.int().nonnegative() }),
};
