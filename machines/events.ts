import { z } from 'zod';
import { changesSchema, definitionSchema, NAME_PATTERN, scheduleNameSchema } from './definition.ts';

/**
 * Everything the chart receives from outside. `at` is the runtime's stamp (epoch ms, never before the stream's last);
 * guards compare it, nobody reads a clock. Events raised inside the chart live in internal-events.ts: no door can
 * construct them.
 */

const at = z.int().nonnegative();
const run = z.int().positive();
const by = z.string().min(1).max(256);

/** What the host is in for: `maintenance` and `draining` hold back whatever is automatic; VMs run on. */
export const hostModeSchema = z.enum(['normal', 'maintenance', 'draining']);
export type HostMode = z.infer<typeof hostModeSchema>;

/**
 * Why the host is asked for room: an automatic start after an end, for an unhealthy guest, after a host reboot, by
 * schedule out of standby; and on the way into standby, of which only so many are under way at once.
 */
export const purposeSchema = z.enum(['restart_policy', 'health', 'host_reboot', 'standby', 'wake']);
export type Purpose = z.infer<typeof purposeSchema>;

/**
 * What there was too little of. `spread`: too many boots are under way at once. `restart_budget`: the host has made as
 * many automatic restarts of late as it may. `standby_slots`: as many guests as may be are being put away right now.
 */
export const heldReasonSchema = z.enum(['memory', 'vcpus', 'disk', 'spread', 'restart_budget', 'standby_slots']);
export type HeldReason = z.infer<typeof heldReasonSchema>;

/**
 * Why nothing may come of a minute: it passed while nobody was there to tell it and is too old to be made up for, or the
 * host has no room on disk for what it asks for.
 */
export const leftOutSchema = z.enum(['missed', 'disk']);
export type LeftOut = z.infer<typeof leftOutSchema>;

export const wantedSchema = z.enum(['running', 'stopped', 'ignore']);
export type Wanted = z.infer<typeof wantedSchema>;

export const endReasonSchema = z.enum([
  'power_off',
  'reset',
  'panic',
  'killed',
  'crashed',
  'quit',
  'host_reboot',
  'boot_failed',
  'boot_timeout',
  'withdrawn',
  'unknown',
]);
export type EndReason = z.infer<typeof endReasonSchema>;

export const runEndSchema = z.object({
  reason: endReasonSchema,
  /** Exit code of the workload, 128 + n for signal n; null when unknown. */
  code: z.int().nullable(),
  message: z.string().nullable(),
  /** Epoch ms; null when unknown. */
  ended_at: z.int().nullable(),
});
export type RunEnd = z.infer<typeof runEndSchema>;

const command = { at, by };

/**
 * Names of snapshots are those of instances, but for two beginnings: `run-` is for snapshots of sleeping guests, and
 * `scheduled-` for those that a schedule takes.
 */
export const SNAPSHOT_NAME_PATTERN = /^(?!run-|scheduled-)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
export const snapshotNameSchema = z.string().regex(SNAPSHOT_NAME_PATTERN);
/** Of a snapshot that is there, whoever named it. */
const knownSnapshot = z.string().regex(NAME_PATTERN);

export const commandSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('create'),
    ...command,
    definition: definitionSchema,
    wanted: z.enum(['running', 'stopped']),
    /** A fork: it begins with a copy of this snapshot, asleep when it is not wanted to run; null: without any memory. */
    from: z.object({ instance: z.string().min(1), snapshot: z.string().min(1).nullable() }).optional(),
  }),
  z.object({ type: z.literal('start'), ...command }),
  z.object({ type: z.literal('stop'), ...command, force: z.boolean().optional() }),
  z.object({ type: z.literal('restart'), ...command }),
  z.object({ type: z.literal('standby'), ...command }),
  z.object({ type: z.literal('restore'), ...command }),
  z.object({ type: z.literal('hold'), ...command, until: at }),
  z.object({ type: z.literal('delete'), ...command }),
  z.object({ type: z.literal('update'), ...command, changes: changesSchema }),
  z.object({ type: z.literal('ignore'), ...command }),
  z.object({ type: z.literal('cancel_restart'), ...command }),
  z.object({ type: z.literal('reset_restart'), ...command }),
  z.object({ type: z.literal('create_snapshot'), ...command, name: snapshotNameSchema }),
  z.object({ type: z.literal('delete_snapshot'), ...command, name: knownSnapshot }),
  z.object({
    type: z.literal('restore_snapshot'),
    ...command,
    name: knownSnapshot,
    then: z.enum(['running', 'standby']),
  }),
]);
export type Command = z.infer<typeof commandSchema>;
export type CommandType = Command['type'];
export const COMMAND_TYPES: readonly CommandType[] = [
  'create',
  'start',
  'stop',
  'restart',
  'standby',
  'restore',
  'hold',
  'delete',
  'update',
  'ignore',
  'cancel_restart',
  'reset_restart',
  'create_snapshot',
  'delete_snapshot',
  'restore_snapshot',
];

const realitySchema = z.discriminatedUnion('reality', [
  z.object({ reality: z.literal('none') }),
  z.object({ reality: z.literal('starting') }),
  z.object({ reality: z.literal('running'), ready: z.boolean(), rebooted: z.boolean().optional() }),
  z.object({ reality: z.literal('paused') }),
  z.object({ reality: z.literal('ended'), ...runEndSchema.shape }),
  z.object({ reality: z.literal('unreachable'), message: z.string() }),
  z.object({ reality: z.literal('other_run'), run }),
]);

const occurredAt = at.optional();
const window = z.object({ run, revision: z.int().nonnegative() });

export const observationSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('vmm.exited'), at, run, ...runEndSchema.shape }),
  z.object({ type: z.literal('vmm.found'), at, run: z.int().nonnegative(), found: realitySchema }),
  z.object({ type: z.literal('guest.ready'), at, run, occurred_at: occurredAt }),
  z.object({ type: z.literal('guest.rebooted'), at, run, occurred_at: occurredAt }),
  z.object({ type: z.literal('probe.passed'), at, window }),
  z.object({ type: z.literal('probe.failed'), at, window, error: z.string().max(512) }),
  z.object({ type: z.literal('probe.unavailable'), at, window, error: z.string().max(512) }),
  z.object({ type: z.literal('traffic.active'), at, run, connections: z.int().positive() }),
  /** `since`: the instant of the last change, as far as it is known. Records of older charts do not have it. */
  z.object({ type: z.literal('traffic.idle'), at, run, since: at.optional() }),
  z.object({ type: z.literal('traffic.confirmed_idle'), at, run }),
  z.object({ type: z.literal('traffic.unconfirmed'), at, run, error: z.string().max(512) }),
  z.object({ type: z.literal('observer.lost'), at, error: z.string().max(512) }),
  z.object({ type: z.literal('observer.restored'), at }),
  z.object({ type: z.literal('instance.quarantined'), at, error: z.string().max(2048) }),
  z.object({ type: z.literal('host.mode_changed'), at, mode: hostModeSchema }),
  /** A minute that a schedule of the definition names. */
  z.object({
    type: z.literal('schedule.due'),
    at,
    schedule: scheduleNameSchema,
    minute: at,
    left_out: leftOutSchema.optional(),
  }),
  z.object({ type: z.literal('host.granted'), at, run: z.int().nonnegative(), purpose: purposeSchema }),
  z.object({
    type: z.literal('host.held'),
    at,
    run: z.int().nonnegative(),
    purpose: purposeSchema,
    reason: heldReasonSchema,
    retry_at: at,
  }),
]);
export type ObservationEvent = z.infer<typeof observationSchema>;

const errorSchema = z.object({ code: z.string(), message: z.string() });
const result = {
  at,
  effect: z.string(),
  kind: z.string(),
  run: z.int().nonnegative(),
  /** Of a program of the host: which one this is about. */
  number: z.int().positive().optional(),
};

/** Each one-shot effect ends in exactly one of these. */
export const effectResultSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('effect.done'),
    ...result,
    ended: runEndSchema.optional(),
    pid: z.int().nullable().optional(),
    /** Of `guest.set_clock`: by how much its clock was wrong; null when the guest has no agent to ask. */
    drift_ms: z.int().nullable().optional(),
  }),
  z.object({ type: z.literal('effect.failed'), ...result, error: errorSchema, ended: runEndSchema.optional() }),
  z.object({ type: z.literal('effect.withdrawn'), ...result }),
  z.object({ type: z.literal('effect.unknown'), ...result, error: errorSchema }),
]);
export type EffectResult = z.infer<typeof effectResultSchema>;

/** A fired timer; `armed` is the version of the record that armed it. Name as in the record: `timer.<delay name>`. */
export const timerEventSchema = z.object({
  type: z.templateLiteral(['timer.', z.string()]),
  at,
  due: at,
  armed: z.int().positive(),
});
export type TimerEvent = z.infer<typeof timerEventSchema>;

/** The chart was replaced by a newer one: what its state was is now that of the new chart (machines/migrate.ts). */
export const upgradeEventSchema = z.object({
  type: z.literal('chart.upgraded'),
  at,
  from: z.int().positive(),
  to: z.int().positive(),
});
export type UpgradeEvent = z.infer<typeof upgradeEventSchema>;

export type ExternalEvent = Command | ObservationEvent | EffectResult | TimerEvent | UpgradeEvent;
/** What the runtime hands the chart before it is stamped. */
export type Unstamped<E> = E extends { at: number } ? Omit<E, 'at'> : never;
