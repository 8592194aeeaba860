import { z } from 'zod';
import { type Definition, hookMomentSchema } from './definition.ts';
import { heldReasonSchema, hostModeSchema, purposeSchema, runEndSchema, wantedSchema } from './events.ts';
import { SNAPSHOTS_MAX } from './policies.ts';

/**
 * The chart's memory, in small groups (more than 19 top-level keys would make every assign slow). Plain JSON: what
 * stands here stands in every record; the definition beside it is named there by version.
 */

const at = z.int().nonnegative();
const count = z.int().nonnegative();

const runContextSchema = z.object({
  /** 0 before the first run. */
  number: count,
  /** What asked for it: `start`, `restart`, `restart_policy`, `health`, `restore`, ... */
  cause: z.string(),
  started_at: at.nullable(),
  booted_at: at.nullable(),
  ready_at: at.nullable(),
  pid: z.int().nullable(),
  ended: z.boolean(),
  planned: z.boolean(),
  exit: runEndSchema.readonly().nullable(),
});
export type RunContext = Readonly<z.infer<typeof runContextSchema>>;

const stopContextSchema = z.object({
  cause: z.enum([
    'operator',
    'restart',
    'delete',
    'health',
    'expiry',
    'standby',
    'boot_timeout',
    /** A restored guest did not answer. */
    'unanswered',
  ]),
  next: z.enum(['rest', 'boot', 'delete', 'standby', 'wake']),
  force: z.boolean(),
});
export type StopContext = Readonly<z.infer<typeof stopContextSchema>>;
export type StopCause = StopContext['cause'];

/** Attempts whose cause is kept: enough to read a crash loop from, few enough to stand in every record. */
export const RESTART_HISTORY_MAX = 8;
export const ATTEMPT_DETAIL_MAX_CHARS = 200;

const attemptSchema = z.object({
  /** Number in its window, from 1. */
  attempt: z.int().positive(),
  at,
  /** What the attempt answered: the end of a run, or an unhealthy guest. */
  cause: z.enum(['exit', 'health']),
  /** How the run ended, or what the last probe said. */
  detail: z.string().max(ATTEMPT_DETAIL_MAX_CHARS),
});
export type Attempt = Readonly<z.infer<typeof attemptSchema>>;

const restartContextSchema = z.object({
  attempts: count,
  last_attempt_at: at.nullable(),
  next_attempt_at: at.nullable(),
  blocked_reason: z.enum(['manual_stop', 'max_attempts_exceeded']).nullable(),
  last_reason: z.literal('health_check_failed').nullable(),
  /** The last automatic restart of any kind; like the history it outlives the window. */
  restarted_at: at.nullable(),
  /** The latest attempts, newest last. */
  history: z.array(attemptSchema.readonly()).max(RESTART_HISTORY_MAX).readonly(),
});
export type RestartContext = Readonly<z.infer<typeof restartContextSchema>>;

const healthContextSchema = z.object({
  /** Counts changes of the check, and returns of the guest to sight; with the run it names the window of a result. */
  revision: count,
  window_started_at: at.nullable(),
  /** Both saturate at their thresholds. */
  successes: count,
  failures: count,
  last_error: z.string().nullable(),
  /** Since when the verdict stands. */
  unhealthy_since: at.nullable(),
});
export type HealthContext = Readonly<z.infer<typeof healthContextSchema>>;

const standbyContextSchema = z.object({
  observer: z.enum(['ok', 'lost']),
  idle_since: at.nullable(),
  hold_until: at.nullable(),
  last_activity_at: at.nullable(),
  /** Since when the guest runs without having been paused or put away: it cannot have been idle for longer. */
  awake_since: at.nullable(),
  /**
   * What the standby that is under way, or that it sleeps in, was begun for. An operator's ignores connections, also
   * when it takes over one that was not.
   */
  request: z.enum(['idle', 'schedule', 'operator']).nullable(),
  /** It waits for its turn: only so many guests of a host are put away at once. With a reason while it is held. */
  slot: z.object({ since: at, reason: heldReasonSchema.nullable(), retry_at: at.nullable() }).readonly().nullable(),
  /** Failed attempts to wake it do not move this. */
  asleep_since: at.nullable(),
});
export type StandbyContext = Readonly<z.infer<typeof standbyContextSchema>>;

const admissionSchema = z.object({
  purpose: purposeSchema,
  /** When the host was first asked: whoever has waited longest goes first, however often it asked since. */
  since: at,
  reason: heldReasonSchema.nullable(),
  retry_at: at.nullable(),
});
export type AdmissionContext = Readonly<z.infer<typeof admissionSchema>>;

const namedSnapshotSchema = z.object({
  name: z.string(),
  /** The run whose guest it holds. */
  run: count,
  taken_at: at,
  /** Who asked for it; `schedule` for those whose name begins with `scheduled-`. */
  by: z.string(),
});
export type NamedSnapshot = Readonly<z.infer<typeof namedSnapshotSchema>>;

const hookContextSchema = z.object({
  /** Counts the programs asked for; with the run it tells the word of one from that of another. */
  number: count,
  /** The program of the host that is being run for this instance. */
  running: z.object({ name: z.string(), moment: hookMomentSchema }).readonly().nullable(),
});

export const recordedContextSchema = z
  .strictObject({
    created_at: at,
    intent: z.object({ wanted: wantedSchema, by: z.string(), at }).readonly(),
    run: runContextSchema.readonly(),
    /** While a guest is taken up from its snapshot, the run before that one: shown again when nothing comes of it. */
    put_away: runContextSchema.readonly().nullable(),
    /** Why the present run is being ended, and what follows; null when nobody asked for its end. */
    stop: stopContextSchema.readonly().nullable(),
    /** The memory of a sleeping guest; until it runs again, or never will. */
    snapshot: z.object({ name: z.string(), run: count, taken_at: at }).readonly().nullable(),
    /** Named snapshots, oldest first. */
    snapshots: z.array(namedSnapshotSchema.readonly()).max(SNAPSHOTS_MAX).readonly(),
    /** The named snapshot that is being made, or brought back (`then`: to what end). */
    snapshot_work: z
      .object({ name: z.string(), by: z.string(), then: z.enum(['running', 'standby']).nullable() })
      .readonly()
      .nullable(),
    /** Whose fork it is, and the snapshot that it began with; null: it began without any memory. */
    origin: z.object({ instance: z.string(), snapshot: z.string().nullable() }).readonly().nullable(),
    /** The minute of each schedule that was heard last, or when it was set: none is heard twice. */
    schedules: z.object({ standby: at.nullable(), wake: at.nullable(), snapshot: at.nullable() }).readonly(),
    restart: restartContextSchema.readonly(),
    health: healthContextSchema.readonly(),
    standby: standbyContextSchema.readonly(),
    /** What the instance was told of its host. */
    host: z.object({ mode: hostModeSchema }).readonly(),
    /** Asked of the host and not used yet: room for an automatic start. With a reason while the host holds it back. */
    admission: admissionSchema.readonly().nullable(),
    hook: hookContextSchema.readonly(),
    /** What went wrong last with the world itself: shown as `state_error`. */
    trouble: z.object({ message: z.string(), tries: count }).readonly().nullable(),
  })
  .readonly();

export type ChartContext = z.infer<typeof recordedContextSchema> & {
  /** Null only before `create`. */
  readonly definition: Definition | null;
};

export const NO_RUN: RunContext = {
  number: 0,
  cause: '',
  started_at: null,
  booted_at: null,
  ready_at: null,
  pid: null,
  ended: true,
  planned: true,
  exit: null,
};

export const NO_RESTARTS: RestartContext = {
  attempts: 0,
  last_attempt_at: null,
  next_attempt_at: null,
  blocked_reason: null,
  last_reason: null,
  restarted_at: null,
  history: [],
};

export const NO_HEALTH: HealthContext = {
  revision: 0,
  window_started_at: null,
  successes: 0,
  failures: 0,
  last_error: null,
  unhealthy_since: null,
};

export const NO_STANDBY: StandbyContext = {
  observer: 'ok',
  idle_since: null,
  hold_until: null,
  last_activity_at: null,
  awake_since: null,
  request: null,
  slot: null,
  asleep_since: null,
};

export const NO_SNAPSHOTS = {
  snapshots: [],
  snapshot_work: null,
  origin: null,
  schedules: { standby: null, wake: null, snapshot: null },
} as const satisfies Partial<ChartContext>;

export const NO_HOOK: ChartContext['hook'] = { number: 0, running: null };

export const INITIAL_CONTEXT: ChartContext = {
  definition: null,
  created_at: 0,
  intent: { wanted: 'stopped', by: '', at: 0 },
  run: NO_RUN,
  put_away: null,
  stop: null,
  snapshot: null,
  ...NO_SNAPSHOTS,
  restart: NO_RESTARTS,
  health: NO_HEALTH,
  standby: NO_STANDBY,
  host: { mode: 'normal' },
  admission: null,
  hook: NO_HOOK,
  trouble: null,
};
