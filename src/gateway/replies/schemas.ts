import { type ZodType, z } from 'zod';
import { hostModeSchema } from '../../../machines/events.ts';
import { PUBLIC_STATES } from '../../../machines/public-states.ts';
import { HEALTH_STATUSES } from '../../projections/health-view.ts';
import type { HostVerb, Verb } from '../use-cases/contract.ts';

/**
 * The shape of each verb's answer, for doors that describe themselves: the fields a client can rely on. Answers hold more
 * of them, and later versions may add some, so unknown ones are allowed everywhere.
 */

const time = z.string().nullable();

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
  hold: instanceReply,
  ignore: instanceReply,
  cancel_restart: instanceReply,
  reset_restart: instanceReply,
  delete: instanceReply,
  wait: waitReply,
  history: historyReply,
  logs: logsReply,
  timeline: timelineReply,
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
